public import Lifecycle
public import Postgres
public import Telemetry

/// Tells this process when another one has appended events (see `EventAnnouncer`).
public struct AppendedEvents: Service {
    /// What it is called in logs.
    public let name = "appended events"
    private let listener: Listener
    private let others: [String: @Sendable () -> Void]
    private let appended: @Sendable (_ sender: String?) -> Void

    /// Calls `appended` at every notice, with its sender, and after every reconnect, when notices may have been missed,
    /// with none. The names in
    /// `others` are listened to on the same connection, each with a call of its own.
    public init(
        _ settings: PoolSettings,
        logger: Logger,
        metrics: Metrics,
        others: [String: @Sendable () -> Void] = [:],
        appended: @escaping @Sendable (_ sender: String?) -> Void
    ) {
        let channels = ["martlet_events"] + others.keys.sorted()
        listener = Listener(settings, channels: channels, logger: logger, metrics: metrics)
        self.others = others
        self.appended = appended
    }

    /// Listens until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await listener.run() }
                group.addTask { for await event in listener.events { tell(event) } }
                await group.waitForAll()
            }
        }
    }

    private func tell(_ event: Listener.Event) {
        if case .notice(let notice) = event, let other = others[notice.channel] { return other() }
        if case .notice(let notice) = event { return appended(notice.payload) }
        for other in others.values { other() }
        appended(nil)
    }
}
