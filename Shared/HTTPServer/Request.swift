/// A request whose head has come; its body has come too, or comes as it is read, as its route says.
public struct Request: Sendable {
    /// The method; a HEAD is served by the route of GET.
    public let method: Method
    /// The request target as it was sent.
    public let target: String
    /// The path as it was sent, without the query.
    public let path: String
    /// The query's pairs in their order, percent-decoded, with plus as space.
    public let query: [(name: String, value: String)]
    /// The header fields.
    public let headers: Headers
    /// The peer's IP address.
    public let remoteAddress: String
    /// The body.
    public let body: RequestBody
    /// The values of the path's places.
    public var parameters: PathParameters
    /// When the head had come.
    public let receivedAt: ContinuousClock.Instant
    /// When the route's time is over and the client is answered with 504 instead.
    public let deadline: ContinuousClock.Instant

    /// A request from its parts, for tests of handlers.
    public init(
        method: Method = .get,
        target: String,
        path: String? = nil,
        query: [(name: String, value: String)] = [],
        headers: Headers = [:],
        remoteAddress: String = "",
        body: RequestBody = RequestBody(),
        parameters: PathParameters = PathParameters(),
        receivedAt: ContinuousClock.Instant = .now,
        deadline: ContinuousClock.Instant? = nil
    ) {
        self.method = method
        self.target = target
        self.path = path ?? String(target.prefix { $0 != "?" })
        self.query = query
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.body = body
        self.parameters = parameters
        self.receivedAt = receivedAt
        self.deadline = deadline ?? receivedAt + .seconds(60)
    }

    /// The first value of that name in the query.
    public func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The subprotocols that a WebSocket client offers, in the order of its preference.
    public var offeredSubprotocols: [String] { headers.elements(of: "Sec-WebSocket-Protocol") }
}
