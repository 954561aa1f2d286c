/// Why the server answers a request itself.
public enum RoutingFailure: Sendable, Hashable {
    /// No route has this path.
    case notFound
    /// The path has routes, but for these methods.
    case methodNotAllowed(allow: [Method])
    /// The method is none that this server routes.
    case methodNotImplemented
    /// The route is for WebSockets only.
    case upgradeRequired
    /// The body is larger than the route takes.
    case payloadTooLarge
    /// The request cannot be understood; the reason names the rule, not the data.
    case malformed(String)
    /// The request line is longer than the limit.
    case targetTooLong
    /// The head is larger than the limit.
    case headerTooLarge
    /// The Expect field asks for something unknown.
    case unsupportedExpectation
    /// The HTTP version is not 1.0 or 1.1.
    case unsupportedVersion
    /// The client sent its request too slowly.
    case requestTimeout
    /// The handler did not answer within its route's time.
    case deadlineExceeded
    /// As many connections are open as the server takes.
    case overloaded
    /// As many connections are open from this address as the server takes.
    case tooManyConnections

    /// The response's status.
    public var status: Status {
        switch self {
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .methodNotImplemented: .notImplemented
        case .upgradeRequired: .upgradeRequired
        case .payloadTooLarge: .contentTooLarge
        case .malformed: .badRequest
        case .targetTooLong: .uriTooLong
        case .headerTooLarge: .headerFieldsTooLarge
        case .unsupportedExpectation: .expectationFailed
        case .unsupportedVersion: .versionNotSupported
        case .requestTimeout: .requestTimeout
        case .deadlineExceeded: .gatewayTimeout
        case .overloaded: .serviceUnavailable
        case .tooManyConnections: .tooManyRequests
        }
    }

    /// The error's code, for programs.
    public var code: String {
        switch self {
        case .notFound: "ROUTE_NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .methodNotImplemented: "METHOD_NOT_IMPLEMENTED"
        case .upgradeRequired: "UPGRADE_REQUIRED"
        case .payloadTooLarge: "PAYLOAD_TOO_LARGE"
        case .malformed: "MALFORMED_REQUEST"
        case .targetTooLong: "URI_TOO_LONG"
        case .headerTooLarge: "HEADERS_TOO_LARGE"
        case .unsupportedExpectation: "EXPECTATION_FAILED"
        case .unsupportedVersion: "HTTP_VERSION_NOT_SUPPORTED"
        case .requestTimeout: "REQUEST_TIMEOUT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .overloaded: "SERVICE_UNAVAILABLE"
        case .tooManyConnections: "RATE_LIMITED"
        }
    }

    /// The error in a sentence, for people. It contains no quotation marks or control characters.
    public var message: String {
        switch self {
        case .notFound: "nothing is served at this path"
        case .methodNotAllowed: "this path does not take this method"
        case .methodNotImplemented: "this method is not known here"
        case .upgradeRequired: "this path speaks WebSocket, version 13"
        case .payloadTooLarge: "the body is larger than this path takes"
        case .malformed(let reason): reason
        case .targetTooLong: "the request line is too long"
        case .headerTooLarge: "the header fields are too large"
        case .unsupportedExpectation: "this expectation is not known here"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here"
        case .requestTimeout: "the request came too slowly"
        case .deadlineExceeded: "the answer took too long"
        case .overloaded: "too many connections are open"
        case .tooManyConnections: "too many connections are open from this address"
        }
    }

    /// Whether the same request may succeed later.
    public var isRetryable: Bool {
        switch self {
        case .deadlineExceeded, .overloaded, .tooManyConnections, .requestTimeout: true
        default: false
        }
    }

    /// A small JSON object of the shape that the services use.
    public static let standardResponse: @Sendable (RoutingFailure, Request) -> Response = { failure, _ in
        let facts =
            "\"code\":\"\(failure.code)\",\"message\":\"\(failure.message)\",\"retryable\":\(failure.isRetryable)"
        return Response(failure.status, type: "application/json", Array("{\"error\":{\(facts)}}".utf8))
    }

    /// Fields that such a response has, whoever wrote its body.
    var requiredHeaders: [(String, String)] {
        switch self {
        case .methodNotAllowed(let allow): [("Allow", allow.map(\.rawValue).joined(separator: ", "))]
        case .upgradeRequired: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        case .overloaded, .tooManyConnections: [("Retry-After", "5")]
        default: []
        }
    }
}
