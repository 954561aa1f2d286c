import Concurrency
public import Lifecycle
public import Postgres
public import Telemetry

/// Tells the other processes that events were appended: at most one notice every few milliseconds, outside of
/// every writer's transaction. Its loss costs at most the second after which readers look by themselves.
public struct EventAnnouncer: Service {
    /// What it is called in logs.
    public let name = "event announcer"
    private let pool: Pool
    private let sender: String
    private let appended = Wakeup()
    private let logger: Logger

    /// The sender of agent services, whose events make no job due.
    public static let agent = "agent"

    /// An announcer on the service's pool. `sender` goes with every notice, so that a process knows its own.
    public init(pool: Pool, sender: String, logger: Logger) {
        self.pool = pool
        self.sender = sender
        self.logger = logger
    }

    /// To be called after a commit that appended events.
    public func eventsAppended() { appended.signal() }

    /// Announces until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                guard try await appended.wait(atMost: .seconds(3600)) else { continue }
                do {
                    _ = try await pool.query(EventLog.announce(sender))
                } catch let error as PostgresError {
                    logger.debug("events not announced", ["error": "\(error)"])
                }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
