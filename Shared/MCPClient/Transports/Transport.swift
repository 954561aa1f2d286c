import JSON

/// A way to a server.
protocol Transport: Sendable {
    /// Whether silence can be a server's answer to what it does not know, as programs do.
    var silenceIsLegacy: Bool { get }

    /// Holds the connection while `body` runs; both end together.
    ///
    /// - Throws: what ended it.
    func whileOpen(_ body: @escaping @Sendable () async throws -> Void) async throws

    /// Sends a request and waits for its answer. When the task is cancelled, the server is told to stop.
    ///
    /// - Throws: `RemoteError`, or `CancellationError`.
    func exchange(_ request: Request, _ heard: @escaping @Sendable (Message) -> Void) async throws -> JSONElement

    /// Sends a notification.
    func notify(_ notification: Request) async throws

    /// Hears what a server of the older era says unasked, until that ends.
    ///
    /// - Throws: `RemoteError`, also where there is nothing of the kind.
    func listen(_ revision: Revision, _ heard: @escaping @Sendable (Message) -> Void) async throws

    /// The session is over: the next handshake opens another.
    func forgetSession()
}
