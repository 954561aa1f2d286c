/// A request whose head has come; its body has come too, or comes as it is read, as its route says.
public struct Request: Sendable {
    /// What its head says. One object, made once, so that passing it on costs one reference.
    final class Head: Sendable {
        let method: Method
        /// What the target is a part of; for a request that was received, all of its head.
        let text: [UInt8]
        let target: RequestTarget
        let headers: Headers
        let remoteAddress: String
        let receivedAt: Moment
        let deadline: Moment

        init(
            _ method: Method,
            _ text: [UInt8],
            _ target: RequestTarget,
            _ headers: Headers,
            _ remoteAddress: String,
            _ receivedAt: Moment,
            _ deadline: Moment
        ) {
            self.method = method
            self.text = text
            self.target = target
            self.headers = headers
            self.remoteAddress = remoteAddress
            self.receivedAt = receivedAt
            self.deadline = deadline
        }
    }

    private let head: Head

    /// The values of the path's places.
    public var parameters: PathParameters

    /// The method; a HEAD is served by the route of GET.
    public var method: Method { head.method }
    /// The request target as it was sent.
    public var target: String { String(decoding: head.text[head.target.whole], as: UTF8.self) }
    /// The path as it was sent, without the query.
    public var path: String { String(decoding: head.text[head.target.path], as: UTF8.self) }
    /// The query's pairs in their order, percent-decoded, with plus as space.
    public var query: [(name: String, value: String)] { head.target.query }
    /// The header fields.
    public var headers: Headers { head.headers }
    /// The peer's IP address.
    public var remoteAddress: String { head.remoteAddress }
    /// The body.
    public let body: RequestBody
    /// When the head had come.
    public var receivedAt: ContinuousClock.Instant { head.receivedAt.instant }
    /// When the route's time is over and the client is answered with 504 instead.
    public var deadline: ContinuousClock.Instant { head.deadline.instant }

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
        let bytes = Array(target.utf8)
        let head = Head(
            method,
            bytes,
            RequestTarget(lenient: bytes, bytes.indices),
            headers,
            remoteAddress,
            Moment(receivedAt),
            Moment(deadline ?? receivedAt + .seconds(60))
        )
        self.init(head, body, parameters)
    }

    init(_ head: Head, _ body: RequestBody, _ parameters: PathParameters) {
        self.head = head
        self.body = body
        self.parameters = parameters
    }

    /// The first value of that name in the query.
    public func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The subprotocols that a WebSocket client offers, in the order of its preference.
    public var offeredSubprotocols: [String] { headers.elements(of: "Sec-WebSocket-Protocol") }
}
