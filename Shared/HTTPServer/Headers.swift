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

    /// No fields.
    public init() {
        text = []
        fields = []
    }

    init(text: [UInt8], fields: [Field]) {
        self.text = text
        self.fields = fields
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
        let start = text.count
        text.append(contentsOf: name.utf8)
        let middle = text.count
        for byte in value.utf8 { text.append((byte < 0x20 && byte != 0x09) || byte == 0x7f ? 0x20 : byte) }
        fields.append(
            Field(
                nameStart: UInt32(start),
                nameCount: UInt32(middle - start),
                valueStart: UInt32(middle),
                valueCount: UInt32(text.count - middle)
            )
        )
    }

    /// Replaces all fields of that name.
    public mutating func set(_ name: String, _ value: String) { self[name] = value }

    /// Removes all fields of that name.
    public mutating func remove(_ name: String) { fields = fields.filter { !isNamed($0, name) } }

    /// The number of fields.
    public var count: Int { fields.count }

    /// Goes through name and value of each field.
    public func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var rest = fields[...]
        return AnyIterator {
            rest.popFirst().map { (String(decoding: text[$0.name], as: UTF8.self), value($0)) }
        }
    }

    /// The bytes `name: value` and a line end, for each field that `isWritten` accepts.
    func write(to bytes: inout [UInt8], where isWritten: (Field) -> Bool) {
        for field in fields where isWritten(field) {
            bytes.append(contentsOf: text[field.name])
            bytes.append(0x3a)
            bytes.append(0x20)
            bytes.append(contentsOf: text[field.value])
            bytes.append(0x0d)
            bytes.append(0x0a)
        }
    }

    func isNamed(_ field: Field, _ name: String) -> Bool {
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
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
