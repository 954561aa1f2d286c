/// A regular expression that is searched in a string, as JSON Schema's `pattern` is.
public final class JSONPattern: @unchecked Sendable {
    // Sendable: the compiled expression is immutable after `init`, and matching keeps its state in locals.
    private let regex: Regex<AnyRegexOutput>
    /// The expression as written.
    public let source: String

    /// Compiles an expression.
    ///
    /// - Throws: `JSONSchemaError` when it is not one.
    public init(_ source: String) throws(JSONSchemaError) {
        self.source = source
        do {
            regex = try Regex(source)
        } catch {
            throw JSONSchemaError(pointer: "/pattern", message: "is not a regular expression")
        }
    }

    func matches(_ text: String) -> Bool { text.firstMatch(of: regex) != nil }
}
