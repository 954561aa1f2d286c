internal import Concurrency
internal import Synchronization
internal import Telemetry

/// What all connections of a server share.
final class Site: Sendable {
    let settings: ServerSettings
    let router: Router
    let logger: Logger
    let metrics: ServerMetrics
    let census: Census
    private let lastID = Atomic<UInt64>(0)

    init(settings: ServerSettings, router: Router, logger: Logger, metrics: Metrics) {
        self.settings = settings
        self.router = router
        self.logger = logger
        let census = Census(limit: settings.connections, limitPerAddress: settings.connectionsPerAddress)
        self.census = census
        self.metrics = ServerMetrics(metrics, census)
    }

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    /// The response to what the server answers itself, with the fields that it needs.
    func response(to failure: RoutingFailure, _ request: Request) -> Response {
        var response = router.fallback(failure, request)
        for (name, value) in failure.requiredHeaders where !response.headers.contains(name) {
            response.headers.add(name, value)
        }
        return response
    }

    func acceptFailed(_ error: Int32) {
        metrics.acceptFailures.add()
        logger.error("connections cannot be accepted", ["errno": error])
    }
}
