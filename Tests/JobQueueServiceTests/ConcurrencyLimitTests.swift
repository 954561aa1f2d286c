import Contracts
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// So many at once, per queue and per key; slots are leases.
@Suite(.timeLimit(.minutes(2))) struct ConcurrencyLimitTests {
    /// Counts jobs that workers believe to have, by queue and by key.
    private final class Tally: Sendable {
        private let now = SharedValue<[String: Int]>([:])
        private let most = SharedValue<[String: Int]>([:])

        func enter(_ name: String) {
            let count = now.withLock { counts in
                counts[name, default: 0] += 1
                return counts[name] ?? 0
            }
            most.withLock { $0[name] = max($0[name] ?? 0, count) }
        }

        func leave(_ name: String) { now.withLock { $0[name, default: 0] -= 1 } }
        func highest(_ name: String) -> Int { most.withLock { $0[name] ?? 0 } }
        var names: [String] { most.withLock { Array($0.keys) } }
    }

    /// Refuses a lease that is one too many, by what the database says at its commit.
    private static let judge: [SQL] = [
        "CREATE TABLE public.seen (slots bigint, of_key bigint)",
        """
        CREATE FUNCTION public.judge() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.seen
            SELECT count(*), count(*) FILTER (WHERE lane = new.lane) FROM jobs.leases WHERE queue = new.queue;
            RETURN NULL;
        END $$
        """,
        """
        CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON jobs.leases DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.judge()
        """,
    ]

    @Test func `under many claimers neither the queue's limit nor a key's is exceeded`() async throws {
        try await JobQueueFixture.run { fixture in
            for statement in Self.judge { try await fixture.pool.execute(statement) }
            try await fixture.limit("gpu", #"{"concurrency":5,"per_key_concurrency":2}"#)
            // Two kinds, and workers of one each: claims at the same time want different jobs.
            let members = (0..<160).map { #","concurrency_key":"k\#($0 % 4)","kind":"kind-\#($0 / 4 % 2)""# }
            let ids = try await fixture.submit("gpu", each: members)
            let keys = Dictionary(uniqueKeysWithValues: zip(ids, (0..<160).map { "k\($0 % 4)" }))
            let tally = Tally()
            let left = SharedValue(160)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let worker = try await fixture.worker(["kind-\(number % 2)"])
                        while left.withLock({ $0 > 0 }) {
                            let leases = try await fixture.queue.dispatcher.acquire(
                                worker,
                                limit: 3,
                                wait: .milliseconds(200)
                            )
                            for lease in leases { for name in ["gpu", keys[lease.jobID] ?? ""] { tally.enter(name) } }
                            for lease in leases {
                                for name in ["gpu", keys[lease.jobID] ?? ""] { tally.leave(name) }
                                try await fixture.finish(lease)
                                left.withLock { $0 -= 1 }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.count("SELECT count(*) FROM jobs.jobs WHERE status = 'completed'") == 160)
            #expect(tally.highest("gpu") <= 5)
            for name in tally.names where name != "gpu" { #expect(tally.highest(name) <= 2) }
            // The limits were reached, and no commit went beyond.
            let seen = try await fixture.pool.query("SELECT max(slots), max(of_key) FROM public.seen")[0]
            #expect(try seen.decode(0, as: Int.self) == 5)
            #expect(try seen.decode(1, as: Int.self) == 2)
            #expect(try await fixture.count("SELECT count(*) FROM jobs.leases") == 0)
        }
    }

    @Test func `a limit holds for the next claim, and counts what runs already`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.submit("gpu", each: Array(repeating: "", count: 10))
            let worker = try await fixture.worker()
            let running = try await fixture.take(worker, 4)
            #expect(running.count == 4)
            try await fixture.limit("gpu", #"{"concurrency":3}"#)
            #expect(try await fixture.take(worker).isEmpty)
            try await fixture.finish(running[0])
            #expect(try await fixture.take(worker).isEmpty)
            try await fixture.finish(running[1])
            // What stood in the open line when the limit came is brought into lanes.
            let next = try await fixture.queue.dispatcher.acquire(worker, limit: 10, wait: .seconds(20))
            #expect(next.count == 1)
            try await fixture.limit("gpu", #"{"concurrency":5}"#)
            #expect(try await fixture.take(worker).count == 2)
            try await fixture.limit("gpu", "{}")
            #expect(try await fixture.take(worker).count == 3)
            let queue = try await fixture.send("GET", "/api/queues/gpu").json
            #expect(queue["concurrency"]?.isNull == true)
            #expect(queue["waiting"]?.int == 0)
            #expect(queue["leased"]?.int == 8)
            #expect(queue["version"]?.int == 3)
        }
    }

    @Test func `a job that is stored by who does not know of the limit yet waits, and is found`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("gpu", #"{"concurrency":1}"#)
            let ids = try await fixture.submit("gpu", each: ["", ""])
            // As another replica would that learns of limits within seconds.
            try await fixture.pool.execute("UPDATE jobs.ready SET lane = NULL")
            let worker = try await fixture.worker()
            let first = try await fixture.queue.dispatcher.acquire(worker, limit: 2, wait: .seconds(20))
            #expect(first.count == 1)
            try await fixture.finish(first[0])
            let second = try await fixture.queue.dispatcher.acquire(worker, limit: 2, wait: .seconds(20))
            #expect(Set((first + second).map(\.jobID)) == Set(ids))
        }
    }

    @Test func `a job that is made before its queue is limited and stored after it is found at once`() async throws {
        try await JobQueueFixture.run { fixture in
            let hold: [SQL] = [
                """
                CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_advisory_xact_lock(1);
                    RETURN new;
                END $$
                """,
                "CREATE TRIGGER hold BEFORE INSERT ON jobs.jobs FOR EACH ROW EXECUTE FUNCTION public.hold()",
            ]
            for statement in hold { try await fixture.pool.execute(statement) }
            let isHeldUp: SQL = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            let submission = try await fixture.pool.withTransaction { transaction in
                // Nobody stores a job until this has ended.
                _ = try transaction.query("SELECT pg_advisory_xact_lock(1)")
                let submission = Task { try await fixture.submit(#"{"params":{},"queue":"gpu"}"#) }
                try await eventually("it is about to be stored") { try await fixture.count(isHeldUp) == 1 }
                try await fixture.limit("gpu", #"{"concurrency":1}"#)
                try await eventually("the keeper has looked") { fixture.queue.lanes.newlyLimited == ["gpu"] }
                return submission
            }
            _ = try await submission.value
            // The keeper looks again five seconds after it has looked, unless it is told to.
            try await eventually("it is in its lane", within: .seconds(4)) {
                try await fixture.count("SELECT count(*) FROM jobs.ready WHERE lane IS NOT NULL") == 1
            }
        }
    }

    @Test func `jobs of a key run one at a time unless the queue says otherwise, and projects do not share keys`()
        async throws
    {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            for _ in 0..<2 {
                try await fixture.submit("any", of: ids.next(), count: 2, members: #","concurrency_key":"a""#)
            }
            try await fixture.submit("any", each: [#","concurrency_key":"b""#, #","concurrency_key":"b""#, ""])
            let worker = try await fixture.worker()
            let leases = try await fixture.take(worker)
            // One of each project's key, one of the other key, and the one without.
            #expect(leases.count == 4)
            for lease in leases { try await fixture.finish(lease) }
            #expect(try await fixture.take(worker).count == 3)
        }
    }

    @Test func `a slot that becomes free wakes who waits for it`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("gpu", #"{"concurrency":1}"#)
            try await fixture.submit("gpu", each: ["", ""])
            let worker = try await fixture.worker()
            let first = try await fixture.take(worker)
            #expect(first.count == 1)
            let other = try await fixture.worker()
            let start = ContinuousClock.now
            async let second = fixture.queue.dispatcher.acquire(other, limit: 1, wait: .seconds(20))
            #expect(try await fixture.take(worker).isEmpty)
            try await fixture.finish(first[0])
            #expect(try await second.count == 1)
            // Everybody looks once in five seconds anyway.
            #expect(ContinuousClock.now - start < .seconds(4))
        }
    }

    @Test func `a dead worker's slots are free as soon as it is known to be dead`() async throws {
        try await JobQueueFixture.run(["LEASE_MS": "500"]) { fixture in
            try await fixture.limit("gpu", #"{"concurrency":1}"#)
            let ids = try await fixture.submit("gpu", each: [""])
            let dead = try await fixture.worker()
            #expect(try await fixture.take(dead).map(\.jobID) == ids)
            let heir = try await fixture.worker()
            var leases: [Lease] = []
            while leases.isEmpty {
                _ = try await fixture.pool.execute(WorkerStatements.heartbeat([heir.id], lease: .seconds(60)))
                leases = try await fixture.queue.dispatcher.acquire(heir, limit: 1, wait: .milliseconds(200))
            }
            #expect(leases.map(\.jobID) == ids)
            #expect(try await fixture.count("SELECT count(*) FROM jobs.leases WHERE queue = 'gpu'") == 1)
        }
    }

    @Test func `a timed-out job is another worker's before the first one has noticed, and both hold a slot`()
        async throws
    {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("gpu", #"{"concurrency":2}"#)
            let ids = try await fixture.submit("gpu", each: [#","timeout_ms":100"#])
            let hung = try await fixture.worker()
            let key = try await fixture.lease(hung)
            _ = try await fixture.queue.dispatcher.start(key)
            let other = try await fixture.worker()
            let again = try await fixture.lease(other)
            #expect(again.jobID == ids[0])
            #expect(again.fence > key.fence)
            #expect(try await fixture.queue.dispatcher.start(again) == .ok)
            #expect(try await fixture.send("GET", "/api/queues/gpu").json["leased"]?.int == 2)
            // A third has no slot until the hung worker says that it has stopped.
            try await fixture.submit("gpu", each: [""])
            #expect(try await fixture.take(other).isEmpty)
            let revoked = try await fixture.pool.query(WorkerStatements.revokedLeases(hung.id)).map(LeaseKey.init)
            #expect(revoked == [key])
            _ = try await fixture.pool.execute(WorkerStatements.forgetRevoked(hung.id, [key]))
            #expect(try await fixture.take(other).count == 1)
        }
    }

    @Test func `unlimited jobs and limited ones take turns with a worker that serves both`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("gpu", #"{"concurrency":100}"#)
            try await fixture.submit("open", each: Array(repeating: "", count: 40))
            try await fixture.submit("gpu", each: Array(repeating: "", count: 10))
            let worker = try await fixture.worker()
            var limited = 0
            for _ in 0..<22 {
                for lease in try await fixture.take(worker, 1) {
                    if lease.queue == "gpu" { limited += 1 }
                    try await fixture.finish(lease)
                }
            }
            #expect(limited == 10)
        }
    }

    @Test func `limited queues of equal priority have their turns by weight`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("often", #"{"weight":9}"#)
            try await fixture.limit("seldom", #"{"weight":1}"#)
            for queue in ["often", "seldom"] { try await fixture.submit(queue, each: Array(repeating: "", count: 200)) }
            let worker = try await fixture.worker(capacity: 1000)
            var often = 0
            for _ in 0..<200 { often += try await fixture.take(worker, 1).count { $0.queue == "often" } }
            // 180 are expected, with a standard deviation of 4.2.
            #expect((155...198).contains(often))
        }
    }
}
