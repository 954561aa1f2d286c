public import HTTPServer
public import Lifecycle

/// The HTTP server as a service of the process: bound at start, stopped with a grace.
public struct HTTPService: Service {
    /// What it is called in logs.
    public let name = "http"
    private let server: Server
    private let grace: Duration
    private let bound: @Sendable (BoundAddress) -> Void

    /// A service around `server`, which tells `bound` where it listens.
    public init(
        _ server: Server,
        grace: Duration,
        bound: @escaping @Sendable (BoundAddress) -> Void = { _ in }
    ) {
        self.server = server
        self.grace = grace
        self.bound = bound
    }

    /// Serves until `stop` is raised, then lets what runs finish.
    public func run(until stop: StopSignal) async throws {
        let address = try await server.start()
        bound(address)
        await stop.wait()
        // A little sooner than the whole process's grace, which has more to stop.
        await server.stop(grace: grace * 3 / 4)
    }
}
