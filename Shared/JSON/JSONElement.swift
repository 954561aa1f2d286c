/// A value inside a document, read when asked for.
public struct JSONElement: Sendable {
    /// What a value is.
    public enum Kind: Sendable, Hashable {
        case null, boolean, integer, number, string, array, object
    }

    let tape: JSONTape
    let index: Int

    /// What the value is. A number without fraction and exponent is an `integer`.
    public var kind: Kind {
        switch tape.type(at: index) {
        case UInt8(ascii: "n"): .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "l"), UInt8(ascii: "u"): .integer
        case UInt8(ascii: "d"): .number
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "["): .array
        default: .object
        }
    }

    /// The value `null`, for what has no document.
    public static let null = JSONElement(
        tape: JSONTape(words: [0, UInt64(UInt8(ascii: "n")) << 56], strings: []),
        index: 1
    )

    /// The value `{}`, for what has no document.
    public static let emptyObject = JSONElement(
        tape: JSONTape(
            words: [0, UInt64(UInt8(ascii: "{")) << 56 | 3, UInt64(UInt8(ascii: "}")) << 56 | 1],
            strings: []
        ),
        index: 1
    )

    /// Whether the value is `null`.
    public var isNull: Bool { kind == .null }

    /// The value of `true` and `false`.
    public var bool: Bool? {
        switch tape.type(at: index) {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// The value of a number that is whole and fits, also when written as `3.0`.
    public var int: Int? {
        switch tape.type(at: index) {
        case UInt8(ascii: "l"): Int(truncatingIfNeeded: tape.words[index + 1])
        case UInt8(ascii: "u"): Int(exactly: tape.words[index + 1])
        case UInt8(ascii: "d"): Int(exactly: Double(bitPattern: tape.words[index + 1]))
        default: nil
        }
    }

    /// The value of any number, rounded to a double.
    public var double: Double? {
        switch tape.type(at: index) {
        case UInt8(ascii: "l"): Double(Int64(bitPattern: tape.words[index + 1]))
        case UInt8(ascii: "u"): Double(tape.words[index + 1])
        case UInt8(ascii: "d"): Double(bitPattern: tape.words[index + 1])
        default: nil
        }
    }

    /// The value of a string.
    public var string: String? {
        kind == .string ? String(decoding: tape.bytes(at: index), as: UTF8.self) : nil
    }

    /// The bytes of a string, unescaped.
    public var stringBytes: ArraySlice<UInt8>? { kind == .string ? tape.bytes(at: index) : nil }

    /// The elements of an array; empty for anything else.
    public var elements: Elements { Elements(tape: tape, container: kind == .array ? index : nil) }

    /// The members of an object in the order written; empty for anything else.
    public var members: Members { Members(elements: Elements(tape: tape, container: kind == .object ? index : nil)) }

    /// The member of an object with that name.
    public subscript(name: String) -> JSONElement? {
        var name = name
        return name.withUTF8 { wanted in
            for member in members where unsafe member.nameBytes.elementsEqual(wanted) { return member.value }
            return nil
        }
    }

    /// The member of an object with that name, unless it is `null`.
    public func value(_ name: String) -> JSONElement? {
        guard let value = self[name], !value.isNull else { return nil }
        return value
    }

    /// The elements of an array, in order.
    public struct Elements: Sequence, IteratorProtocol, Sendable {
        private let tape: JSONTape
        private var next_: Int
        private let end: Int

        init(tape: JSONTape, container: Int?) {
            self.tape = tape
            next_ = container.map { $0 + 1 } ?? 0
            end = container.map { tape.next(after: $0) - 1 } ?? 0
        }

        /// The next element.
        public mutating func next() -> JSONElement? {
            guard next_ < end else { return nil }
            defer { next_ = tape.next(after: next_) }
            return JSONElement(tape: tape, index: next_)
        }
    }

    /// The members of an object, in the order written.
    public struct Members: Sequence, IteratorProtocol, Sendable {
        /// A name and its value.
        public struct Member: Sendable {
            let nameBytes: ArraySlice<UInt8>
            /// The value.
            public let value: JSONElement
            /// The name.
            public var name: String { String(decoding: nameBytes, as: UTF8.self) }
        }

        var elements: Elements

        /// The next member.
        public mutating func next() -> Member? {
            guard let name = elements.next(), let value = elements.next() else { return nil }
            return Member(nameBytes: name.tape.bytes(at: name.index), value: value)
        }
    }
}
