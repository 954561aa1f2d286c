import Concurrency
import Contracts
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// Counts of jobs: exact at any moment, whatever becomes of who folds them.
@Suite(.timeLimit(.minutes(2))) struct StatsTests {
    /// One line per queue, kind and status that has jobs, as the counts say it and as the table does, in one snapshot.
    static func compare(_ pool: Pool, project: ProjectID? = nil) async throws -> (counts: [String], truth: [String]) {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let row = try #require(try transaction.query(StatsStatements.place).first)
            let place = LogPlace(transaction: try row.decode(0), row: try row.decode(1))
            let counts = try transaction.query(
                StatsStatements.counts(behind: place, project: project, queue: nil, kind: nil)
            )
            let truth = try transaction.query(
                """
                SELECT queue, kind, status, count(*) FROM jobs.jobs
                WHERE \(project)::uuid IS NULL OR project_id = \(project)
                GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
                """
            )
            return (try counts.map(line), try truth.map(line))
        }
    }

    /// What queues have, by the counts and by a walk through all that is in line, in one snapshot.
    static func compareQueues(_ pool: Pool) async throws -> (quick: [String], walked: [String]) {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let place = try #require(try JobCounts.place(in: transaction))
            let lists = try [place, nil]
                .map { place in
                    let list = QueueStatements.list(nil, project: nil, countedUpTo: place, limit: 100)
                    return try transaction.query(list).map(Queue.init)
                        .map { "\($0.name) \($0.waiting) \($0.leased)" }
                }
            return (lists[0], lists[1])
        }
    }

    private static func line(_ row: Row) throws -> String {
        var reader = row.reader
        return "\(try reader.next(String.self)) \(try reader.next(String.self)) \(try reader.next(String.self)) "
            + "\(try reader.next(Int.self))"
    }

    static func waitForBase(_ pool: Pool) async throws {
        try await eventually { try await !pool.query(StatsStatements.base).isEmpty }
    }

    /// Waits until the folding stands behind all that is there.
    static func waitUntilFolded(_ pool: Pool) async throws {
        let reader = EventLogReader(pool)
        let end = try await reader.settledEnd()
        while try await LogCursor(StatsStatements.cursor).read(pool).map({ $0.place < end }) ?? true {
            await Task.yield()
        }
    }

    @Test func `counts are exact at every moment while jobs go every way`() async throws {
        try await JobQueueFixture.run { fixture in
            try await StatsTests.waitForBase(fixture.pool)
            let isDone = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<3 { group.addTask { try await StatsTests.work(lane, fixture) } }
                group.addTask {
                    var seen = 0
                    while !isDone.isUp {
                        let (counts, truth) = try await StatsTests.compare(fixture.pool)
                        try #require(counts == truth)
                        let (quick, walked) = try await StatsTests.compareQueues(fixture.pool)
                        try #require(quick == walked)
                        seen += 1
                    }
                    #expect(seen > 5)
                }
                for _ in 0..<3 { try await group.next() }
                isDone.raise()
                try await group.waitForAll()
            }
            let answer = try await fixture.send("GET", "/api/stats")
            #expect(answer.json["total"]?.int == 3 * 40)
            for status in ["completed", "failed", "cancelled", "scheduled", "blocked", "queued"] {
                #expect((answer.json["statuses"]?[status]?.int ?? 0) > 0, "\(status)")
            }
            #expect(answer.json["kinds"]?.elements.compactMap { $0["kind"]?.string } == ["a0", "a1", "a2"])
            let one = try await fixture.send("GET", "/api/stats?kind=a1")
            #expect(one.json["total"]?.int == 40)
            try await StatsTests.waitUntilFolded(fixture.pool)
            let (counts, truth) = try await StatsTests.compare(fixture.pool)
            #expect(counts == truth)
        }
    }

    /// Forty jobs of a kind of their own, each with another fate.
    private static func work(_ lane: Int, _ fixture: JobQueueFixture) async throws {
        let kind = "a\(lane)"
        let worker = try await fixture.worker([kind])
        let dispatcher = fixture.queue.dispatcher
        for round in 0..<5 {
            let parent = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"queue":"q\#(round % 2)"}"#)
            _ = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"depends_on":["\#(parent)"]}"#)
            let never = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"delay_ms":3600000}"#)
            _ = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"depends_on":["\#(never)"]}"#)
            for _ in 0..<3 { _ = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"max_attempts":1}"#) }
            _ = try await fixture.submit(#"{"kind":"\#(kind)","params":{},"delay_ms":20}"#)
            let done = try await fixture.lease(worker)
            _ = try await dispatcher.start(done)
            #expect(try await dispatcher.complete(Completion(key: done)) == .ok)
            let failed = try await fixture.lease(worker)
            _ = try await dispatcher.start(failed)
            _ = try await dispatcher.fail(Failure(key: failed, code: "X", message: "x"))
            let slept = try await fixture.lease(worker)
            _ = try await dispatcher.start(slept)
            _ = try await dispatcher.snooze(Snooze(key: slept, delay: .milliseconds(1)))
            let back = try await fixture.lease(worker)
            _ = try await dispatcher.start(back)
            _ = try await dispatcher.release(Release(key: back))
            if round == 2 { _ = try await fixture.send("POST", "/api/jobs/\(never)/cancel") }
        }
    }

    @Test func `what queues have is told without a walk through what is in line`() async throws {
        try await JobQueueFixture.run { fixture in
            try await StatsTests.waitForBase(fixture.pool)
            try await fixture.submit("busy", each: Array(repeating: "", count: 50))
            let leases = try await fixture.take(try await fixture.worker(), 3)
            _ = try await fixture.queue.dispatcher.start(LeaseKey(jobID: leases[0].jobID, fence: leases[0].fence))
            let queue = try await fixture.send("GET", "/api/queues/busy").json
            #expect(queue["waiting"]?.int == 47 && queue["leased"]?.int == 3)
            let (quick, walked) = try await StatsTests.compareQueues(fixture.pool)
            #expect(quick == ["busy 47 3"] && walked == quick)
            let pages = try await fixture.pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
                // Pages of the line and its indexes that this transaction has touched, by Postgres' own counting.
                let touched: SQL = """
                    SELECT sum(pg_stat_get_xact_blocks_fetched(class.oid))::bigint
                    FROM pg_class AS class
                    WHERE class.oid = 'jobs.ready'::regclass
                        OR class.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'jobs.ready'::regclass)
                    """
                let place = try #require(try JobCounts.place(in: transaction))
                let before: Int = try transaction.query(touched)[0].decode(0)
                _ = try transaction.query(
                    QueueStatements.list(nil, project: nil, countedUpTo: place, limit: 100)
                )
                return try transaction.query(touched)[0].decode(0) - before
            }
            #expect(pages == 0)
        }
    }

    @Test func `a folder that dies in the middle has counted nothing twice and left nothing out`() async throws {
        try await JobQueueFixture.run { fixture in
            try await StatsTests.waitForBase(fixture.pool)
            _ = try await fixture.submit()
            try await StatsTests.waitUntilFolded(fixture.pool)
            for _ in 0..<3 {
                try await fixture.pool.withTransaction { blocker in
                    // The folding has read the log, and waits for this lock before it can store what it counted.
                    _ = try blocker.query("LOCK TABLE jobs.counts IN SHARE MODE")
                    for _ in 0..<5 { _ = try await fixture.submit() }
                    let victims: SQL = """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'
                        """
                    try await eventually { try await !fixture.pool.query(victims).isEmpty }
                    let (counts, truth) = try await StatsTests.compare(fixture.pool)
                    #expect(counts == truth)
                }
            }
            try await StatsTests.waitUntilFolded(fixture.pool)
            let (counts, truth) = try await StatsTests.compare(fixture.pool)
            #expect(counts == truth)
            #expect(truth == ["default generate queued 16"])
        }
    }

    @Test func `counting anew beside writers misses none and counts none twice`() async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let fixture = StatsFixture(pool)
            try await pool.withTransaction { open in
                // Began before the count and commits after it, while later ones commit before.
                _ = try open.query(fixture.insert(3))
                _ = try await pool.execute(fixture.insert(2))
                try await fixture.fold(while: {
                    try await StatsTests.waitForBase(pool)
                    _ = try await pool.execute(fixture.insert(4))
                })
            }
            _ = try await pool.execute(fixture.insert(1))
            let before = try await StatsTests.compare(pool)
            #expect(before.truth == ["default generate queued 10"])
            #expect(before.counts == before.truth)
            try await fixture.fold(while: { try await StatsTests.waitUntilFolded(pool) })
            let after = try await StatsTests.compare(pool)
            #expect(after.counts == after.truth)
            await pool.close()
        }
    }

    @Test func `a job's status is known when the log has forgotten its last event`() async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let fixture = StatsFixture(pool, days: 1)
            let old = Timestamp(microseconds: WallClock.system.now().microseconds - 86_400_000_000 * 3)
            _ = try await pool.execute(fixture.insert(2, at: old, .scheduled))
            // Written down when the leader begins, then forgotten by the log.
            try await fixture.fold(while: { try await StatsTests.waitUntilFolded(pool) })
            _ = try await pool.execute("DELETE FROM shared.events")
            _ = try await pool.execute("UPDATE jobs.scheduled SET run_at = now()")
            #expect(try await pool.query(JobStatements.promote(limit: 1)).count == 1)
            let waiting = try await StatsTests.compare(pool)
            #expect(waiting.counts == waiting.truth)
            let counted: Timestamp = try #require(try await pool.query(StatsStatements.base).first?.decode(0))
            // The last resort when even that is lost: all is counted anew.
            _ = try await pool.execute("DELETE FROM jobs.carried_statuses")
            #expect(try await pool.query(JobStatements.promote(limit: 1)).count == 1)
            try await fixture.fold(while: {
                try await eventually { try await pool.query(StatsStatements.base).first?.decode(0) != counted }
            })
            let after = try await StatsTests.compare(pool)
            #expect(after.truth == ["default generate queued 2"])
            #expect(after.counts == after.truth)
            await pool.close()
        }
    }

    @Test func `who may see one project is told its numbers only`() async throws {
        try await JobQueueFixture.run { fixture in
            try await StatsTests.waitForBase(fixture.pool)
            let project = "01890000-0000-7000-8000-00000000000a"
            _ = try await fixture.submit()
            let key = try await fixture.send(
                "POST",
                "/api/keys",
                #"{"name":"k","scopes":["jobs:read","jobs:submit"],"project_id":"\#(project)"}"#
            )
            let token = try #require(key.json["token"]?.string)
            _ = try await fixture.send("POST", "/api/jobs", #"{"params":{}}"#, token: token)
            #expect(try await fixture.send("GET", "/api/stats", token: token).json["total"]?.int == 1)
            try await StatsTests.waitUntilFolded(fixture.pool)
            #expect(try await fixture.send("GET", "/api/stats", token: token).json["total"]?.int == 1)
            #expect(try await fixture.send("GET", "/api/stats").json["total"]?.int == 2)
        }
    }
}

/// A counter without the rest of the service.
struct StatsFixture: Sendable {
    let pool: Pool
    private let days: Int

    init(_ pool: Pool, days: Int = 7) {
        self.pool = pool
        self.days = days
    }

    /// Runs the counter until `body` returns.
    func fold(while body: @Sendable () async throws -> Void) async throws {
        let stop = StopSignal()
        let running = Task {
            try await JobCounter(pool: pool, eventRetentionDays: days, logger: .silent).run(until: stop)
        }
        try await body()
        stop.raise()
        try await running.value
    }

    /// A statement that stores jobs as a submission does.
    func insert(_ count: Int, at time: Timestamp? = nil, _ status: JobStatus = .queued) throws -> SQL {
        let now = time ?? WallClock.system.now()
        let jobs = try (0..<count)
            .map { _ in
                let submission = try JobSubmission(
                    JSONDocument(parsing: #"{"params":{}\#(status == .scheduled ? #","delay_ms":86400000"# : "")}"#)
                        .root
                )
                let id = JobID(UUID.version7(at: now, random: (0, .random(in: 0 ... .max))))
                return Job(submission, id: id, place: nil, at: now)
            }
        return IntakeStatements.insert(
            jobs,
            callers: jobs.map { _ in "test" },
            traceparents: jobs.map { _ in "" },
            keys: jobs.map { _ in nil }
        )
    }
}

/// Something that is up once it was raised.
final class Flag: Sendable {
    private let state = Lock(false)
    var isUp: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
