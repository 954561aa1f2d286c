public import Lifecycle
public import Postgres
public import Telemetry

/// Tells this process when another one has appended events (see `EventAnnouncer`).
public struct AppendedEvents: Service {
    /// What it is called in logs.
    public let name = "appended events"
    private let listener: Listener
    private let appended: @Sendable () -> Void

    /// Calls `appended` at every notice, and after every reconnect, when notices may have been missed.
    public init(_ settings: PoolSettings, logger: Logger, metrics: Metrics, appended: @escaping @Sendable () -> Void) {
        listener = Listener(settings, channels: ["martlet_events"], logger: logger, metrics: metrics)
        self.appended = appended
    }

    /// Listens until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await listener.run() }
                group.addTask { for await _ in listener.events { appended() } }
                await group.waitForAll()
            }
        }
    }
}
