/// A request on its way to its handler and back. One object, so that each step costs one reference; it stays with its
/// connection.
final class Exchange {
    /// Tells the exchanges of a connection apart.
    let id: UInt64
    let head: RequestHead
    let method: Method
    let target: RequestTarget
    let route: Route
    let parameters: PathParameters
    let receivedAt: ContinuousClock.Instant
    /// What has come of a buffered body.
    var bytes: [UInt8] = []
    /// The body of a streamed one.
    var stream: BodyStream?

    init(
        _ id: UInt64,
        _ head: RequestHead,
        _ method: Method,
        _ target: RequestTarget,
        _ route: Route,
        _ parameters: PathParameters,
        _ receivedAt: ContinuousClock.Instant
    ) {
        self.id = id
        self.head = head
        self.method = method
        self.target = target
        self.route = route
        self.parameters = parameters
        self.receivedAt = receivedAt
    }

    func request(from remoteAddress: String) -> Request {
        let body = stream.map { RequestBody($0) } ?? RequestBody(bytes)
        let deadline = receivedAt + route.deadline
        return Request(method, target, head.headers, remoteAddress, body, parameters, receivedAt, deadline)
    }
}
