import Contracts
import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry

/// Folds the event log into the counts of jobs, one replica at a time. Nothing that changes a job knows of it, and the
/// counts are exact however far behind it is: who asks adds the rest of the log.
///
/// ```
///   never counted, another history,      ┌───────────┐ counted: the place is the snapshot's first transaction
///   an event whose predecessor is lost ─▶│ recount   │──────────────┐
///                                        └───────────┘              ▼
///                                              ▲ lost        ┌───────────┐
///                                              └─────────────│ fold      │──▶ a second's rest when there was nothing
///                                                            └───────────┘
/// ```
struct JobCounter: Service {
    let name = "job counter"
    let pool: Pool
    /// How long the log keeps events.
    let eventRetentionDays: Int
    let logger: Logger
    var clock = WallClock.system

    private let cursor = LogCursor(StatsStatements.cursor)
    private let batchSize = 5000

    init(pool: Pool, eventRetentionDays: Int, logger: Logger) {
        self.pool = pool
        self.eventRetentionDays = eventRetentionDays
        self.logger = logger
    }

    func run(until stop: StopSignal) async throws {
        try await LeaderLease(cursor.name, pool: pool, logger: logger)
            .run(until: stop) { fence in
                try await count(fence)
            }
    }

    struct LeadLost: Error {}

    private func count(_ fence: Int64) async throws {
        let epoch = try await EventLogReader(pool).epoch()
        var place = try await stored(epoch)
        var housekeeping: ContinuousClock.Instant?
        while true {
            if housekeeping.map({ ContinuousClock.now - $0 > .seconds(3600) }) ?? true {
                try await keepHouse()
                housekeeping = .now
            }
            guard let start = place else {
                place = try await recount(fence, epoch)
                continue
            }
            let step = try await fold(after: start, fence, epoch)
            if step.unknown > 0 {
                logger.warning("events without a predecessor; counting all jobs anew", ["events": step.unknown])
                place = nil
                continue
            }
            place = step.place
            if step.events < batchSize {
                try await Task.sleep(for: step.events == 0 ? .seconds(1) : .milliseconds(250))
            }
        }
    }

    /// Where the last leader stopped, if its counts still hold.
    private func stored(_ epoch: String) async throws -> LogPlace? {
        guard try await !pool.query(StatsStatements.base).isEmpty, let stand = try await cursor.read(pool),
            stand.epoch == epoch
        else { return nil }
        return stand.place
    }

    /// Counts and place change together, and only while we lead: whoever dies in between has changed nothing.
    private func fold(after place: LogPlace, _ fence: Int64, _ epoch: String) async throws
        -> (events: Int, place: LogPlace, unknown: Int)
    {
        try await pool.withTransaction { transaction in
            let first = try transaction.query([PlannerStatements.withoutJIT, StatsStatements.horizon])
            guard let horizon = first[1].first else { throw LeadLost() }
            let fold = StatsStatements.fold(after: place, below: try horizon.decode(0), atMost: batchSize)
            guard let row = try transaction.query(fold).first else { return (0, place, 0) }
            let last = LogPlace(transaction: try row.decode(1), row: try row.decode(2))
            try move(to: last, fence, epoch, in: transaction)
            return (try row.decode(0), last, try row.decode(3))
        }
    }

    /// Nobody is kept from submitting and running jobs meanwhile.
    private func recount(_ fence: Int64, _ epoch: String) async throws -> LogPlace {
        try await pool.withTransaction { transaction in
            _ = try transaction.query([StatsStatements.allowLong, StatsStatements.lockCounts], timeout: .seconds(60))
            let rows = try transaction.query(StatsStatements.present, timeout: .seconds(900))
            guard let first = rows.first else { throw LeadLost() }
            let counts = try rows.compactMap { row -> StatsStatements.PresentJobs? in
                var reader = row.reader
                _ = try reader.next(String.self)
                _ = try reader.next(TransactionID.self)
                let project: ProjectID? = try reader.next()
                // No job at all is one row without a queue.
                guard let queue: String = try reader.next() else { return nil }
                return StatsStatements.PresentJobs(
                    project: project,
                    queue: queue,
                    kind: try reader.next(),
                    status: try reader.next(),
                    count: try reader.next()
                )
            }
            try transaction.execute(StatsStatements.clear)
            try transaction.execute(StatsStatements.begin(counts, snapshot: try first.decode(0)))
            let place = LogPlace(transaction: try first.decode(1), row: 0)
            try move(to: place, fence, epoch, in: transaction)
            return place
        }
    }

    private func move(to place: LogPlace, _ fence: Int64, _ epoch: String, in transaction: isolated Transaction) throws
    {
        guard try transaction.execute(cursor.move(to: place, epoch: epoch, fence: fence)) == 1 else { throw LeadLost() }
    }

    private func keepHouse() async throws {
        // Half a day before the log forgets them, so that the folding may be late.
        let age = Duration.seconds(eventRetentionDays * 86_400 - 43_200)
        let bound = UUID.bound(at: Timestamp(microseconds: clock.now().microseconds - age.microseconds))
        try await pool.execute(StatsStatements.carry(olderThan: bound))
        try await pool.execute(StatsStatements.dropCarried)
        try await pool.execute(StatsStatements.dropStarts)
        try await pool.execute(StatsStatements.dropZeroes)
    }
}
