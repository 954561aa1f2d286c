/// A request on its way to its handler and back. One object, so that each step costs one reference; it stays with its
/// connection.
final class Exchange {
    /// Tells the exchanges of a connection apart.
    let id: UInt64
    let head: Request.Head
    let route: Route
    let parameters: PathParameters
    let keepAlive: Bool
    let isHTTP10: Bool
    /// What has come of a buffered body.
    var bytes: [UInt8] = []
    /// The body of a streamed one.
    var stream: BodyStream?
    /// What a handler that does not wait has answered, when that is a stream and so waits after all.
    var answer: Response?

    init(
        _ id: UInt64,
        _ head: Request.Head,
        _ route: Route,
        _ parameters: PathParameters,
        keepAlive: Bool,
        isHTTP10: Bool
    ) {
        self.id = id
        self.head = head
        self.route = route
        self.parameters = parameters
        self.keepAlive = keepAlive
        self.isHTTP10 = isHTTP10
    }

    var request: Request { Request(head, stream.map { RequestBody($0) } ?? RequestBody(bytes), parameters) }
}
