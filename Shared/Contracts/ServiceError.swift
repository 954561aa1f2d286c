public import JSON

/// A refusal as a caller sees it: the contract's error envelope without its request id.
public struct ServiceError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal.
    public let code: ErrorCode
    /// One sentence that says what to do; it never carries internals.
    public let message: String
    /// Facts for programs, as members of an object.
    public let details: RawJSON
    /// When to try again.
    public let retryAfter: Duration?
    /// What does not fit, for `invalid`; part of the details too.
    public private(set) var issues: [JSONIssue] = []

    /// A refusal.
    public init(_ code: ErrorCode, _ message: String, details: RawJSON = .emptyObject, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.details = details
        self.retryAfter = retryAfter
    }

    /// A body, parameter or header does not fit.
    public static func invalid(_ issues: [JSONIssue]) -> ServiceError {
        let details = JSONWriter.bytes { $0.object { $0.member("errors", issues) } }
        let summary =
            issues.first.map { "\($0.pointer) \($0.message)".trimmingPrefix(" ") } ?? "the request is not valid"
        let more = issues.count > 1 ? " (and \(issues.count - 1) more)" : ""
        var error = ServiceError(.validationFailed, "\(summary)\(more)", details: RawJSON(details))
        error.issues = issues
        return error
    }

    /// One thing about the request does not fit.
    public static func invalid(_ pointer: String, _ message: String) -> ServiceError {
        invalid([JSONIssue(pointer: pointer, message: message)])
    }

    /// The thing is not there, or not for the caller to see.
    public static func notFound(_ thing: String) -> ServiceError {
        ServiceError(.notFound(thing), "no such \(thing.lowercased().replacing("_", with: " "))")
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
