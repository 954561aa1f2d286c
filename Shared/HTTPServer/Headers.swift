/// Header fields in their order. Names are compared without case.
public struct Headers: Sendable, ExpressibleByDictionaryLiteral, Sequence {
    /// Where one field lies in `text`.
    struct Field: Sendable {
        var nameStart: UInt32
        var nameCount: UInt32
        var valueStart: UInt32
        var valueCount: UInt32

        var name: Range<Int> { Int(nameStart)..<Int(nameStart + nameCount) }
        var value: Range<Int> { Int(valueStart)..<Int(valueStart + valueCount) }
    }

    /// All names and values, so that a request's fields cost two allocations and not two for each.
    private(set) var text: [UInt8]
    private(set) var fields: [Field]
    /// Whether `text` is what is sent: it was built by `add` alone, which separates and ends the fields.
    private var isWireText: Bool

    /// No fields.
    public init() {
        text = []
        fields = []
        isWireText = true
    }

    init(text: [UInt8], fields: [Field]) {
        self.text = text
        self.fields = fields
        isWireText = false
    }

    /// The given fields; names may repeat.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(name, value) }
    }

    /// The first field of that name; setting replaces all of them, `nil` removes them.
    public subscript(_ name: String) -> String? {
        get { fields.first { isNamed($0, name) }.map(value) }
        set {
            remove(name)
            if let newValue { add(name, newValue) }
        }
    }

    /// All fields of that name, in their order.
    public func all(_ name: String) -> [String] { fields.filter { isNamed($0, name) }.map(value) }

    /// Whether a field of that name is there.
    public func contains(_ name: String) -> Bool { fields.contains { isNamed($0, name) } }

    /// Whether a field of that name holds `token` in its comma-separated list, without regard to case.
    public func list(_ name: String, contains token: String) -> Bool {
        elements(of: name).contains { $0.utf8.count == token.utf8.count && $0.lowercased() == token.lowercased() }
    }

    /// The elements of all fields of that name, each of which is a comma-separated list.
    public func elements(of name: String) -> [String] {
        all(name)
            .flatMap { value in
                value.split(separator: ",")
                    .map { element in
                        var element = element
                        while let first = element.first, first == " " || first == "\t" { element.removeFirst() }
                        while let last = element.last, last == " " || last == "\t" { element.removeLast() }
                        return String(element)
                    }
            }
    }

    /// Adds a field after the others. A line end or another control character in the value becomes a space, so that
    /// no value can add a field of its own.
    public mutating func add(_ name: String, _ value: String) {
        precondition(Headers.isToken(name), "a field's name is a token")
        if text.isEmpty { text.reserveCapacity(name.utf8.count + value.utf8.count + 4) }
        let nameStart = text.count
        text.append(contentsOf: name.utf8)
        text.append(0x3a)
        text.append(0x20)
        let valueStart = text.count
        text.append(contentsOf: value.utf8)
        for index in valueStart..<text.count where (text[index] < 0x20 && text[index] != 0x09) || text[index] == 0x7f {
            text[index] = 0x20
        }
        fields.append(
            Field(
                nameStart: UInt32(nameStart),
                nameCount: UInt32(name.utf8.count),
                valueStart: UInt32(valueStart),
                valueCount: UInt32(text.count - valueStart)
            )
        )
        text.append(0x0d)
        text.append(0x0a)
    }

    /// Replaces all fields of that name.
    public mutating func set(_ name: String, _ value: String) { self[name] = value }

    /// Removes all fields of that name.
    public mutating func remove(_ name: String) {
        guard contains(name) else { return }
        fields = fields.filter { !isNamed($0, name) }
        isWireText = false
    }

    /// The number of fields.
    public var count: Int { fields.count }

    /// Goes through name and value of each field.
    public func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var rest = fields[...]
        return AnyIterator {
            rest.popFirst().map { (String(decoding: text[$0.name], as: UTF8.self), value($0)) }
        }
    }

    /// The bytes `name: value` and a line end for each field, except those with one of these names.
    func write(to bytes: inout [UInt8], except names: [String]) {
        if isWireText, !fields.contains(where: { isNamed($0, oneOf: names) }) {
            bytes.append(contentsOf: text)
            return
        }
        for field in fields where !isNamed(field, oneOf: names) {
            bytes.append(contentsOf: text[field.name])
            bytes.append(0x3a)
            bytes.append(0x20)
            bytes.append(contentsOf: text[field.value])
            bytes.append(0x0d)
            bytes.append(0x0a)
        }
    }

    private func isNamed(_ field: Field, oneOf names: [String]) -> Bool {
        for name in names where isNamed(field, name) { return true }
        return false
    }

    private func isNamed(_ field: Field, _ name: String) -> Bool {
        guard Int(field.nameCount) == name.utf8.count else { return false }
        var index = Int(field.nameStart)
        for byte in name.utf8 {
            if Headers.lowercased(text[index]) != Headers.lowercased(byte) { return false }
            index += 1
        }
        return true
    }

    private func value(_ field: Field) -> String { String(decoding: text[field.value], as: UTF8.self) }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"): true
                default: "!#$%&'*+.^_`|~".utf8.contains(byte)
                }
            }
    }
}
