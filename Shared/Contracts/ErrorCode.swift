/// The codes of the error envelope, with the HTTP status each has.
public struct ErrorCode: Sendable, Hashable, CustomStringConvertible {
    /// The code on the wire.
    public let text: String
    /// The HTTP status.
    public let status: Int
    /// Whether the same request may succeed later.
    public let isRetryable: Bool

    /// A code of one place; the common ones are constants below.
    public init(_ text: String, _ status: Int, retryable: Bool = false) {
        self.text = text
        self.status = status
        isRetryable = retryable
    }

    /// The code on the wire.
    public var description: String { text }

    /// The body is not JSON.
    public static let invalidJSON = ErrorCode("INVALID_JSON", 400)
    /// The body, a parameter or a header does not fit; `details.errors` lists every mistake.
    public static let validationFailed = ErrorCode("VALIDATION_FAILED", 400)
    /// The request is not HTTP as we speak it.
    public static let badRequest = ErrorCode("BAD_REQUEST", 400)
    /// No valid token.
    public static let unauthenticated = ErrorCode("UNAUTHENTICATED", 401)
    /// The token lacks a scope.
    public static let forbidden = ErrorCode("FORBIDDEN", 403)
    /// No such path.
    public static let routeNotFound = ErrorCode("ROUTE_NOT_FOUND", 404)
    /// The path knows other methods; `Allow` lists them.
    public static let methodNotAllowed = ErrorCode("METHOD_NOT_ALLOWED", 405)
    /// `Accept` excludes all we can answer with.
    public static let notAcceptable = ErrorCode("NOT_ACCEPTABLE", 406)
    /// The state of things forbids it.
    public static let conflict = ErrorCode("CONFLICT", 409)
    /// `If-Match` names another version.
    public static let staleVersion = ErrorCode("STALE_VERSION", 409)
    /// The fence is not the current one.
    public static let leaseLost = ErrorCode("LEASE_LOST", 409)
    /// The status of the job forbids it.
    public static let invalidTransition = ErrorCode("INVALID_TRANSITION", 409)
    /// A body without a length.
    public static let lengthRequired = ErrorCode("LENGTH_REQUIRED", 411)
    /// The body is larger than the route takes.
    public static let payloadTooLarge = ErrorCode("PAYLOAD_TOO_LARGE", 413)
    /// The request line is too long.
    public static let uriTooLong = ErrorCode("URI_TOO_LONG", 414)
    /// The body is of a type that the route does not take.
    public static let unsupportedMediaType = ErrorCode("UNSUPPORTED_MEDIA_TYPE", 415)
    /// No part of the file is in the range.
    public static let rangeNotSatisfiable = ErrorCode("RANGE_NOT_SATISFIABLE", 416)
    /// `Expect` asks for what we do not offer.
    public static let expectationFailed = ErrorCode("EXPECTATION_FAILED", 417)
    /// The key was used with another body.
    public static let idempotencyKeyReused = ErrorCode("IDEMPOTENCY_KEY_REUSED", 422)
    /// The route speaks WebSocket only.
    public static let upgradeRequired = ErrorCode("UPGRADE_REQUIRED", 426)
    /// Too many requests; `Retry-After` says when.
    public static let rateLimited = ErrorCode("RATE_LIMITED", 429, retryable: true)
    /// Too much of something that is counted.
    public static let quotaExceeded = ErrorCode("QUOTA_EXCEEDED", 429, retryable: true)
    /// The header is too large.
    public static let headersTooLarge = ErrorCode("HEADERS_TOO_LARGE", 431)
    /// Our fault; the log has the reason under the request id.
    public static let internalError = ErrorCode("INTERNAL_ERROR", 500, retryable: true)
    /// A method that HTTP knows and we do not.
    public static let notImplemented = ErrorCode("NOT_IMPLEMENTED", 501)
    /// Another service failed.
    public static let upstreamFailed = ErrorCode("UPSTREAM_FAILED", 502, retryable: true)
    /// A part we need is away; `Retry-After` says when to come back.
    public static let serviceUnavailable = ErrorCode("SERVICE_UNAVAILABLE", 503, retryable: true)
    /// It took too long.
    public static let deadlineExceeded = ErrorCode("DEADLINE_EXCEEDED", 504, retryable: true)

    /// `<THING>_NOT_FOUND`: it is not there, or the caller may not see it.
    public static func notFound(_ thing: String) -> ErrorCode { ErrorCode("\(thing.uppercased())_NOT_FOUND", 404) }
}
