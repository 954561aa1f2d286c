import CSimdjson

/// A parsed JSON text.
public struct JSONDocument: Sendable {
    /// Arrays and objects may be nested this deep.
    public static let maximumDepth = 128

    /// What the document says.
    public let root: JSONElement

    /// Parses a whole text.
    ///
    /// - Throws: `JSONError` when it is not UTF-8, not JSON, nested deeper than `maximumDepth`, or has a
    ///   number that does not fit or an object with the same key twice.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        let (tape, strings, hasDuplicateKey) = try JSONDocument.parse(bytes)
        root = JSONElement(tape: JSONTape(words: tape, strings: strings), index: 1)
        guard hasDuplicateKey else { return }
        throw JSONError(message: "the key at \(root.firstDuplicateKey() ?? "") occurs twice")
    }

    /// Parses a text.
    public init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

    private static func parse(_ bytes: [UInt8]) throws(JSONError) -> (
        tape: [UInt64], strings: [UInt8], hasDuplicateKey: Bool
    ) {
        // The parser's buffers live until this thread's next parse, and are copied before anything else can run.
        let result = unsafe bytes.withUnsafeBufferPointer {
            unsafe martlet_json_parse($0.baseAddress, $0.count, maximumDepth)
        }
        guard unsafe result.error == 0 else {
            throw JSONError(message: unsafe String(cString: martlet_json_error_message(result.error)))
        }
        return unsafe (
            Array(UnsafeBufferPointer(start: result.tape, count: result.tape_count)),
            Array(UnsafeBufferPointer(start: result.strings, count: result.strings_count)), result.has_duplicate_key
        )
    }
}

/// Why a text is not accepted as JSON.
public struct JSONError: Error, CustomStringConvertible {
    /// The reason, safe to show: it holds nothing of the text but a pointer.
    public let message: String

    /// The reason.
    public var description: String { message }
}
