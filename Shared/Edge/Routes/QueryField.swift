import Contracts
import JSON
import Kernel

/// A parameter behind the question mark.
public struct QueryField: Sendable {
    enum Kind: Sendable {
        case text(Int)
        case integer(ClosedRange<Int>)
        case uuid
        case time
        case word([String])
    }

    let name: String
    let kind: Kind
    let help: String

    /// Text of at most so many bytes.
    public static func text(_ name: String, _ help: String, atMost length: Int = 200) -> QueryField {
        QueryField(name: name, kind: .text(length), help: help)
    }

    /// A whole number in a range.
    public static func integer(_ name: String, _ help: String, in range: ClosedRange<Int>) -> QueryField {
        QueryField(name: name, kind: .integer(range), help: help)
    }

    /// A UUID.
    public static func uuid(_ name: String, _ help: String) -> QueryField {
        QueryField(name: name, kind: .uuid, help: help)
    }

    /// An RFC 3339 time.
    public static func time(_ name: String, _ help: String) -> QueryField {
        QueryField(name: name, kind: .time, help: help)
    }

    /// One of some words.
    public static func word(_ name: String, _ help: String, of words: [String]) -> QueryField {
        QueryField(name: name, kind: .word(words), help: help)
    }

    /// The two parameters of every list.
    public static let page: [QueryField] = [
        .integer("limit", "how many items at most", in: 1...200), .text("cursor", "next_cursor of the page before"),
    ]

    /// What is wrong with a value, if anything.
    func defect(in value: String) -> String? {
        switch kind {
        case .text(let length): value.utf8.count <= length ? nil : "must have at most \(length) bytes"
        case .integer(let range):
            Int(value).map(range.contains) == true
                ? nil : "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .uuid: UUID(value) == nil ? "must be a valid uuid" : nil
        case .time: Timestamp(value) == nil ? "must be a valid date-time" : nil
        case .word(let words): words.contains(value) ? nil : "must be one of \(words.joined(separator: ", "))"
        }
    }

    var schema: JSONSchema {
        switch kind {
        case .text(let length): .string(0...length)
        case .integer(let range): .integer(range)
        case .uuid: .uuid
        case .time: .dateTime
        case .word(let words): .word(words)
        }
    }
}
