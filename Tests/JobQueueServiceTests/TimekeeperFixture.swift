import Concurrency
import Contracts
import Cron
import JSON
import Kernel
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// Replicas that fire schedules on one database, by a clock that stands still until it is moved.
final class TimekeeperFixture: Sendable {
    let pool: Pool
    private let database: TestPostgres.Database
    private let time: Lock<Timestamp>
    private let ids = IdentifierSource()

    private init(_ database: TestPostgres.Database, _ pool: Pool, from start: Timestamp) {
        self.database = database
        self.pool = pool
        time = Lock(start)
    }

    static func run(
        from start: String = "2026-01-01T00:00:00Z",
        _ body: (TimekeeperFixture) async throws -> Void
    ) async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let start = try #require(Timestamp(start))
            let fixture = TimekeeperFixture(database, pool, from: start)
            try await body(fixture)
            await pool.close()
        }
    }

    var now: Timestamp { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }

    /// One replica, with connections of its own.
    func replica() -> (timekeeper: Timekeeper, pool: Pool) {
        let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
        return (timekeeper(on: pool), pool)
    }

    func timekeeper(on pool: Pool? = nil) -> Timekeeper {
        let clock = WallClock { [self] in now }
        let intake = Intake(pool: pool ?? self.pool, kinds: KindRegistry([]), clock: clock) { _ in }
        return Timekeeper(
            pool: pool ?? self.pool,
            intake: intake,
            zones: ZoneDatabase(),
            clock: clock,
            logger: .silent,
            metrics: Metrics(),
            wakeup: Wakeup()
        )
    }

    /// Stores a schedule as its route would, without looking at the job.
    @discardableResult
    func add(_ body: String) async throws -> ScheduleID {
        let id: ScheduleID = ids.next()
        let draft = try ScheduleDraft(JSONDocument(parsing: body).root, ZoneDatabase())
        let next = try draft.timing.recurrence(from: now, ZoneDatabase()).next(after: now)
        let insert = ScheduleStatements.insert(
            draft,
            id: id,
            project: nil,
            nextAt: draft.isPaused ? nil : next,
            by: "test",
            at: now
        )
        _ = try await pool.query(insert)
        return id
    }

    func schedule(_ id: ScheduleID) async throws -> Schedule {
        let rows = try await pool.query(ScheduleStatements.find(id, project: nil))
        return try Schedule(try #require(rows.first))
    }

    /// The ticks of a schedule's jobs, in order, as their metadata tell.
    func ticks(_ id: ScheduleID) async throws -> [String] {
        try await pool.query(
            """
            SELECT metadata->>'scheduled_at' FROM jobs.jobs
            WHERE metadata->>'schedule_id' = \(id.description) ORDER BY 1
            """
        )
        .map { try $0.decode(0) }
    }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].decode(0) }
}
