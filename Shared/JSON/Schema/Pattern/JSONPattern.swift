/// A regular expression of ECMA-262 that is searched in a string, as JSON Schema's `pattern` is.
///
/// The time of a search is bounded by the length of the text times that of the expression, whatever they say: all ways
/// through the expression are followed side by side, none is tried and taken back. Back references and looking around,
/// for which there is no such bound, are refused.
public struct JSONPattern: Sendable {
    /// The expression as written.
    public let source: String
    private let program: PatternProgram

    /// Compiles an expression.
    ///
    /// - Throws: `JSONSchemaError` when it is none, or is of a kind that is refused.
    public init(_ source: String) throws(JSONSchemaError) {
        self.source = source
        var parser = PatternParser(source)
        var compiler = PatternCompiler()
        do {
            try compiler.emit(try parser.parse())
        } catch {
            throw JSONSchemaError(.pattern, message: error.message)
        }
        program = compiler.finish()
    }

    /// Whether the expression is found in a text.
    public func matches(_ text: String) -> Bool {
        var steps = Int.max
        return matches(text, steps: &steps)
    }

    /// Whether the expression is found. Takes a step for each state of it at each character; when `steps` are used up, it
    /// counts as not found.
    func matches(_ text: String, steps: inout Int) -> Bool {
        var search = PatternSearch(program, in: text)
        return search.run(&steps)
    }
}

/// Why an expression cannot be compiled.
struct PatternError: Error {
    let message: String

    static let malformed = PatternError(message: "is not a regular expression")
    static let tooLarge = PatternError(message: "is too large an expression")
    static let unbounded = PatternError(
        message: "looks around or refers back, which is refused because nothing bounds its time"
    )
}
