internal import Concurrency
public import Telemetry

/// Where a server listens.
public struct BoundAddress: Sendable, Hashable {
    /// As it was asked for.
    public let host: String
    /// As the system bound it.
    public let port: UInt16
}

/// An HTTP and WebSocket server.
///
/// ```
///   new ──start──▶ running ──stop──▶ stopped
///    │                                 ▲
///    └──────── start throws ───────────┘
/// ```
///
/// A server that was started must be stopped: its loops keep themselves alive. It is started once.
public final class Server: Sendable {
    private enum State {
        case new
        case running
        case stopped
    }

    /// The event loops. Work can be submitted before the start; it runs after it.
    public let loops: [EventLoop]
    private let site: Site
    private let state = Lock(State.new)

    /// A server that does not listen yet. Routes that hold the server, or its loops, keep it for ever.
    public init(settings: ServerSettings, router: Router, logger: Logger, metrics: Metrics) {
        precondition(settings.loops > 0, "a server has at least one loop")
        let site = Site(settings: settings, router: router, logger: logger, metrics: metrics)
        self.site = site
        loops = (0..<settings.loops).map { _ in EventLoop(site: site) }
    }

    /// Listens, and serves until `stop`.
    ///
    /// - Throws: `ServerError`; nothing listens then.
    public func start() async throws -> BoundAddress {
        let first = state.withLock { state in
            defer { if state == .new { state = .running } }
            return state == .new
        }
        guard first else { throw ServerError.alreadyStarted }
        var started: [EventLoop] = []
        do {
            let port = try listen()
            for (index, loop) in loops.enumerated() {
                try loop.start(name: "http-\(index)")
                site.census.loopStarted()
                started.append(loop)
            }
            site.logger.info("listening", ["host": site.settings.host, "port": Int(port), "loops": loops.count])
            return BoundAddress(host: site.settings.host, port: port)
        } catch {
            state.withLock { $0 = .stopped }
            await end(started)
            throw error
        }
    }

    /// Gives every loop a listening socket; returns the port.
    private func listen() throws(ServerError) -> UInt16 {
        let settings = site.settings
        // Without SO_REUSEPORT, so that a forgotten server on the port is noticed and does not take half the clients.
        let alone = try ListenerHandle.open(settings.host, settings.port, reusePort: settings.sharesPort)
        let port = alone.port
        guard settings.reusePort, loops.count > 1 else {
            for loop in loops.dropFirst() { try alone.duplicate().give(to: loop) }
            try alone.give(to: loops[0])
            return port
        }
        if settings.sharesPort {
            try alone.give(to: loops[0])
            for loop in loops.dropFirst() {
                try ListenerHandle.open(settings.host, port, reusePort: true).give(to: loop)
            }
            return port
        }
        _ = consume alone
        for loop in loops { try ListenerHandle.open(settings.host, port, reusePort: true).give(to: loop) }
        return port
    }

    /// Stops: accepts no more, ends idle connections, lets running requests finish, closes WebSockets as their handlers
    /// say; after `grace`, cuts what is left. Calling it again does nothing.
    public func stop(grace: Duration) async {
        let running = state.withLock { state in
            defer { if state == .running { state = .stopped } }
            return state == .running
        }
        guard running else { return }
        for loop in loops { loop.submit { loop.drain() } }
        if await !site.census.empty(within: grace) {
            site.logger.warning("connections are cut", ["connections": site.census.connections])
            for loop in loops { loop.submit { loop.abortAll() } }
            // A handler that does not end on its cancellation is left behind.
            if await !site.census.empty(within: .seconds(2)) {
                site.logger.warning("handlers did not end", ["handlers": site.census.tasks])
            }
        }
        await end(loops)
        site.logger.info("stopped listening", ["port": Int(site.settings.port)])
    }

    /// Ends loops that run. In one that was never started the work would lie for ever.
    private func end(_ loops: [EventLoop]) async {
        for loop in loops { loop.submit { loop.stop() } }
        if await !site.census.loopsStopped(within: .seconds(5)) {
            site.logger.error("a loop is blocked by a handler and did not end")
        }
    }
}
