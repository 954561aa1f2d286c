import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// The database's clock, told from here without asking: its time when it was last asked, and how long that is ago by a
/// clock that nobody sets. So a replica whose own clock is wrong, or jumps, still takes `run_at` and `delay_ms` for what
/// all others take them for.
final class DatabaseClock: Service {
    let name = "database clock"
    private let pool: Pool
    private let logger: Logger
    private let reading = Lock<Reading?>(nil)

    private struct Reading: Sendable {
        let time: Timestamp
        let at: ContinuousClock.Instant
    }

    init(pool: Pool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Until the database was asked for the first time, this machine's clock.
    var clock: WallClock {
        WallClock { [self] in
            guard let reading = reading.withLock({ $0 }) else { return WallClock.system.now() }
            return reading.time + (ContinuousClock.now - reading.at)
        }
    }

    /// Asks again and again: clocks drift, and another database may have taken over.
    func run(until stop: StopSignal) async throws {
        try await stop.cancelling { [self] in
            while true {
                do {
                    try await read()
                    try await Task.sleep(for: .seconds(10))
                } catch let error as PostgresError {
                    logger.debug("the database's clock could not be read", ["error": "\(error)"])
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Asks once. The answer is taken to be as old as can be: a clock that is ahead would make the jobs of now wait.
    func read() async throws {
        guard let row = try await pool.query(DatabaseClockStatements.read).first else { return }
        let reading = Reading(time: try row.decode(0), at: .now)
        self.reading.withLock { $0 = reading }
    }
}

/// The statement that asks for the time.
enum DatabaseClockStatements {
    static let read: SQL = "SELECT clock_timestamp()"
}
