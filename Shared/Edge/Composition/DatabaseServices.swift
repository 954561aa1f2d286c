import Kernel
public import Lifecycle
public import Postgres
import Store
public import Telemetry

/// Everything of a process that needs the database: waits for it, brings the schema up to date, and then runs the
/// services inside. The HTTP server stands beside it and answers 503 meanwhile.
public struct DatabaseServices: Service {
    /// What it is called in logs.
    public let name = "database services"
    private let pool: Pool
    private let others: [Pool]
    private let services: [any Service]
    private let grace: Duration
    private let logger: Logger

    /// Services on `pool`, which is closed when they have stopped, as are `others`.
    public init(_ pool: Pool, others: [Pool] = [], grace: Duration, logger: Logger, _ services: [any Service]) {
        self.pool = pool
        self.others = others
        self.grace = grace
        self.logger = logger
        self.services = services
    }

    /// Runs them until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling { try await migrate() }
        if !stop.isRaised { try await ServiceGroup(services, grace: grace * 3 / 4, logger: logger).run(until: stop) }
        for pool in [pool] + others { await pool.close() }
    }

    private func migrate() async throws {
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
        var failures = 0
        while true {
            do {
                return try await Schema.migrate(pool, logger: logger)
            } catch let error as PostgresError where error.isRetriable || error.isConnectionLost {
                failures += 1
                logger.warning("waiting for the database", ["error": "\(error)"])
                try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(50))
            }
        }
    }
}
