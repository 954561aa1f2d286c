public import Kernel

/// A value that can write itself as JSON.
public protocol JSONWritable {
    /// Writes exactly one value.
    func write(to json: inout JSONWriter)
}

extension String: JSONWritable {
    /// Writes a string.
    public func write(to json: inout JSONWriter) { json.string(self) }
}

extension Bool: JSONWritable {
    /// Writes `true` or `false`.
    public func write(to json: inout JSONWriter) { json.raw((self ? "true" : "false").utf8) }
}

extension Int: JSONWritable {
    /// Writes all digits.
    public func write(to json: inout JSONWriter) { json.raw(description.utf8) }
}

extension Int64: JSONWritable {
    /// Writes all digits.
    public func write(to json: inout JSONWriter) { json.raw(description.utf8) }
}

extension Double: JSONWritable {
    /// Writes the shortest text that reads back the same; what JSON cannot say becomes `null`.
    public func write(to json: inout JSONWriter) { json.raw((isFinite ? description : "null").utf8) }
}

extension UUID: JSONWritable {
    /// Writes the canonical form as a string.
    public func write(to json: inout JSONWriter) { json.plain(characters.span) }
}

extension Identifier: JSONWritable {
    /// Writes the canonical form as a string.
    public func write(to json: inout JSONWriter) { uuid.write(to: &json) }
}

extension Timestamp: JSONWritable {
    /// Writes RFC 3339 as a string.
    public func write(to json: inout JSONWriter) { json.string(description) }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    /// Writes the value or `null`.
    public func write(to json: inout JSONWriter) {
        if let self { self.write(to: &json) } else { json.raw("null".utf8) }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    /// Writes an array.
    public func write(to json: inout JSONWriter) {
        json.array { for element in self { $0.value(element) } }
    }
}

/// Text that is known to be one JSON value, passed on untouched.
public struct RawJSON: Sendable, Hashable, JSONWritable {
    /// The text.
    public let bytes: [UInt8]

    /// Trusts that `bytes` are one JSON value: they come from our writer, our parser or a `json` column.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Trusts that `text` is one JSON value.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// An object without members.
    public static let emptyObject = RawJSON(Array("{}".utf8))

    /// Writes the text as it is.
    public func write(to json: inout JSONWriter) { json.raw(bytes) }
}

extension JSONElement: JSONWritable {
    /// Writes the value without white space.
    public func write(to json: inout JSONWriter) {
        switch kind {
        case .null: json.raw("null".utf8)
        case .boolean: json.value(bool == true)
        case .integer:
            if let int { json.value(int) } else { json.raw(tape.words[index + 1].description.utf8) }
        case .number: json.value(Double(bitPattern: tape.words[index + 1]))
        case .string: json.string(tape.bytes(at: index))
        case .array: json.array { for element in elements { $0.value(element) } }
        case .object: json.object { for member in members { $0.member(member.name, member.value) } }
        }
    }

    /// The value as text without white space.
    public var raw: RawJSON { RawJSON(JSONWriter.bytes { $0.value(self) }) }
}
