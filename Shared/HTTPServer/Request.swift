/// A request whose head has come; its body has come too, or comes as it is read, as its route says.
public struct Request: Sendable {
    /// One allocation for all, so that passing a request on costs one reference.
    private final class Storage: Sendable {
        let method: Method
        let target: ArraySlice<UInt8>
        let path: ArraySlice<UInt8>
        let query: [(name: String, value: String)]
        let headers: Headers
        let remoteAddress: String
        let body: RequestBody
        let receivedAt: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant

        init(
            _ method: Method,
            _ target: RequestTarget,
            _ headers: Headers,
            _ remoteAddress: String,
            _ body: RequestBody,
            _ receivedAt: ContinuousClock.Instant,
            _ deadline: ContinuousClock.Instant
        ) {
            self.method = method
            self.target = target.text
            path = target.path
            query = target.query
            self.headers = headers
            self.remoteAddress = remoteAddress
            self.body = body
            self.receivedAt = receivedAt
            self.deadline = deadline
        }
    }

    private let storage: Storage

    /// The values of the path's places.
    public var parameters: PathParameters

    /// The method; a HEAD is served by the route of GET.
    public var method: Method { storage.method }
    /// The request target as it was sent.
    public var target: String { String(decoding: storage.target, as: UTF8.self) }
    /// The path as it was sent, without the query.
    public var path: String { String(decoding: storage.path, as: UTF8.self) }
    /// The query's pairs in their order, percent-decoded, with plus as space.
    public var query: [(name: String, value: String)] { storage.query }
    /// The header fields.
    public var headers: Headers { storage.headers }
    /// The peer's IP address.
    public var remoteAddress: String { storage.remoteAddress }
    /// The body.
    public var body: RequestBody { storage.body }
    /// When the head had come.
    public var receivedAt: ContinuousClock.Instant { storage.receivedAt }
    /// When the route's time is over and the client is answered with 504 instead.
    public var deadline: ContinuousClock.Instant { storage.deadline }

    /// A request from its parts, for tests of handlers. A malformed query counts as none.
    public init(
        method: Method = .get,
        target: String,
        headers: Headers = [:],
        remoteAddress: String = "",
        body: RequestBody = RequestBody(),
        parameters: PathParameters = PathParameters(),
        receivedAt: ContinuousClock.Instant = .now,
        deadline: ContinuousClock.Instant? = nil
    ) {
        self.init(
            method,
            RequestTarget(lenient: Array(target.utf8)[...]),
            headers,
            remoteAddress,
            body,
            parameters,
            receivedAt,
            deadline ?? receivedAt + .seconds(60)
        )
    }

    init(
        _ method: Method,
        _ target: RequestTarget,
        _ headers: Headers,
        _ remoteAddress: String,
        _ body: RequestBody,
        _ parameters: PathParameters,
        _ receivedAt: ContinuousClock.Instant,
        _ deadline: ContinuousClock.Instant
    ) {
        storage = Storage(method, target, headers, remoteAddress, body, receivedAt, deadline)
        self.parameters = parameters
    }

    /// The first value of that name in the query.
    public func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The subprotocols that a WebSocket client offers, in the order of its preference.
    public var offeredSubprotocols: [String] { headers.elements(of: "Sec-WebSocket-Protocol") }
}
