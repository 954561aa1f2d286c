import Contracts
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// The line in which callbacks wait, and who is served from it.
@Suite(.timeLimit(.minutes(3))) struct CallbackLineTests {
    /// Notes callbacks by hand: as the ledger does, but of any time and order.
    private func note(
        _ pool: Pool,
        job: JobID = IdentifierSource().next(),
        seq: Int = 2,
        target: Callback.Target = .url,
        url: String,
        dueBefore wait: Duration = .zero,
        triedFor age: Duration = .zero,
        attempt: Int = 0
    ) async throws {
        _ = try await pool.execute(
            """
            INSERT INTO notify.callbacks (id, event_id, job_id, seq, target, url, body, next_at, tried_since, attempt)
            VALUES (\(IdentifierSource().uuid()), \("\(job):\(seq)"), \(job), \(seq), \(target.rawValue), \(url),
                '{}', now() - \(wait), now() - \(age), \(attempt))
            """
        )
    }

    private func take(_ low: Timestamp?, atMost limit: Int = 10, _ target: Callback.Target = .url) -> SQL {
        CallbackStatements.take(for: target, atMost: limit, perLane: 8, [], after: low, lease: .seconds(30))
    }

    private func withSchema(_ body: @escaping @Sendable (Pool) async throws -> Void) async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            try await body(pool)
            await pool.close()
        }
    }

    private func pages(_ statement: SQL, in pool: Pool) async throws -> Int {
        let rows = try await pool.withTransaction { transaction in
            let rows = try transaction.query("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) \(statement)")
            _ = try transaction.execute("SET CONSTRAINTS ALL IMMEDIATE")
            return rows
        }
        let plan = try rows[0].decode(0, as: RawJSON.self)
        let root = try JSONDocument(parsing: plan.bytes).root.elements.first { _ in true }?["Plan"]
        return (root?["Shared Hit Blocks"]?.int ?? 0) + (root?["Shared Read Blocks"]?.int ?? 0)
    }

    @Test func `what was delivered is not walked through again, though a snapshot keeps it from being vacuumed`()
        async throws
    {
        try await withSchema { pool in
            // Nothing that this transaction may still see can be removed, nor be marked as dead in the index.
            try await pool.withTransaction(.repeatableRead, readOnly: true) { holder in
                _ = try holder.query("SELECT 1")
                _ = try await pool.execute(
                    """
                    INSERT INTO notify.callbacks (id, event_id, job_id, seq, target, url, body, next_at)
                    SELECT gen_random_uuid(), 'e' || n, gen_random_uuid(), 2, 'url', 'http://a/', '{}',
                        now() - interval '1 hour' + n * interval '1 ms'
                    FROM generate_series(1, 20000) AS n
                    """
                )
                _ = try await pool.execute("UPDATE notify.callbacks SET state = 'delivered', finished_at = now()")
                _ = try await pool.execute("ANALYZE notify.callbacks")
                try await note(pool, url: "http://a/")
                let all = try await pages(take(nil, atMost: 1), in: pool)
                let answer = try await pool.query(take(nil, atMost: 1))
                let low: Timestamp = try answer[0].decode(0)
                try await note(pool, url: "http://a/")
                let few = try await pages(take(low, atMost: 1), in: pool)
                #expect(few * 10 < all, "\(few) pages instead of \(all)")
            }
        }
    }

    @Test func `a plan that was made on the empty table serves the full one`() async throws {
        try await TestPostgres.withDatabase { database in
            var settings = database.settings
            settings.keepsPlans = true
            settings.size = 2
            let pool = Pool(settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            try await pool.withTransaction { session in
                let low = WallClock.system.now() + .seconds(-10)
                // Pages of the table and its indexes that this transaction has touched, by Postgres' own counting.
                let touched: SQL = """
                    SELECT sum(pg_stat_get_xact_blocks_fetched(class.oid))::bigint
                    FROM pg_class AS class
                    WHERE class.oid = 'notify.callbacks'::regclass
                        OR class.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'notify.callbacks'::regclass)
                    """
                _ = try session.query(take(low))
                try session.execute(
                    """
                    INSERT INTO notify.callbacks (id, event_id, job_id, seq, target, url, body, next_at, state)
                    SELECT gen_random_uuid(), 'e' || n, gen_random_uuid(), 2, 'url', 'http://h' || n % 53 || '/', '{}',
                        now() - interval '1 second', CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'delivered' END
                    FROM generate_series(1, 20000) AS n
                    """
                )
                let before: Int = try session.query(touched)[0].decode(0)
                let taken = try session.query(take(low, atMost: 64)).compactMap(Callback.init)
                #expect(taken.count == 64)
                let pages = try session.query(touched)[0].decode(0) - before
                #expect(pages < 2500, "\(pages) pages")
            }
            await pool.close()
        }
    }

    @Test func `the low mark stays behind whatever is due, and behind the writers of the moment`() async throws {
        try await withSchema { pool in
            let empty: Timestamp = try await pool.query(take(nil))[0].decode(0)
            let now: Timestamp = try await pool.query("SELECT now()")[0].decode(0)
            #expect((Duration.milliseconds(1900)...Duration.seconds(20)).contains(now - empty))
            try await note(pool, url: "http://busy/", dueBefore: .seconds(60))
            // Not taken, because its lane has no place: the mark must not pass it.
            let statement = CallbackStatements.take(
                for: .url,
                atMost: 5,
                perLane: 8,
                [("busy", 0)],
                after: nil,
                lease: .seconds(30)
            )
            let rows = try await pool.query(statement)
            #expect(try rows.compactMap(Callback.init).isEmpty)
            #expect(now - (try rows[0].decode(0, as: Timestamp.self)) >= .seconds(59))
        }
    }

    @Test func `a callback before the low mark is found all the same`() async throws {
        let receiver = try await Receiver.start()
        try await NotificationFixture.run { fixture in
            // The sender has looked, and its mark is near the present.
            try await note(fixture.pool, url: receiver.url)
            _ = try await receiver.wait(for: 1)
            for round in 2...3 {
                try await note(fixture.pool, url: receiver.url, dueBefore: .seconds(3600))
                _ = try await receiver.wait(for: round)
            }
        }
        await receiver.stop()
    }

    @Test func `a later callback of a job waits for the earlier one`() async throws {
        let receiver = try await Receiver.start { number, _ in number < 3 ? .serviceUnavailable : .ok }
        var options = NotificationFixture.Options()
        options.environment = ["CALLBACK_RETRY_INITIAL_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]
        try await NotificationFixture.run(options) { fixture in
            let job: JobID = IdentifierSource().next()
            // The later one is due first.
            try await note(fixture.pool, job: job, seq: 2, url: receiver.url, dueBefore: .seconds(1))
            try await note(fixture.pool, job: job, seq: 3, url: receiver.url, dueBefore: .seconds(9))
            let keys = try await receiver.wait(for: 5).map(\.key)
            #expect(keys == ["\(job):2", "\(job):2", "\(job):2", "\(job):2", "\(job):3"])
        }
        await receiver.stop()
    }

    @Test func `a job's line goes on behind a dead callback`() async throws {
        try await withSchema { pool in
            let job: JobID = IdentifierSource().next()
            try await note(pool, job: job, seq: 2, url: "http://a/")
            try await note(pool, job: job, seq: 3, url: "http://a/")
            #expect(try await pool.query(take(nil)).compactMap(Callback.init).map(\.eventID) == ["\(job):2"])
            #expect(try await pool.query(take(nil)).compactMap(Callback.init).isEmpty)
            _ = try await pool.execute("UPDATE notify.callbacks SET state = 'dead' WHERE seq = 2")
            #expect(try await pool.query(take(nil)).compactMap(Callback.init).map(\.eventID) == ["\(job):3"])
        }
    }

    @Test func `what waits for a shut target is put off, and dead when that lasts too long`() async throws {
        try await withSchema { pool in
            try await note(pool, url: "http://user:pw@Away:81/x", dueBefore: .seconds(5))
            try await note(pool, url: "http://away:81/y", dueBefore: .seconds(5), triedFor: .seconds(7200))
            try await note(pool, url: "http://well/", dueBefore: .seconds(5))
            // Another replica's chance to take it is not over.
            try await note(pool, url: "http://away:81/z")
            let putOff = CallbackStatements.putOff(
                for: .url,
                [("away:81", .seconds(40))],
                olderThan: .seconds(3600),
                atMost: 10
            )
            let states = try await pool.query(putOff).map { try $0.decode(0, as: String.self) }
            #expect(states.sorted() == ["dead", "pending"])
            // It has not been sent.
            #expect(try await pool.query("SELECT FROM notify.callbacks WHERE attempt > 0").isEmpty)
            let hosts = try await pool.query(take(nil)).compactMap(Callback.init).map(\.url)
            #expect(hosts.sorted() == ["http://away:81/z", "http://well/"])
        }
    }

    @Test func `a callback is tried for as long as the setting says, however often that is`() async throws {
        let receiver = try await Receiver.start { number, _ in number == 0 ? .serviceUnavailable : .ok }
        var options = NotificationFixture.Options()
        options.environment = ["CALLBACK_RETRY_INITIAL_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]
        try await NotificationFixture.run(options) { fixture in
            try await note(fixture.pool, url: receiver.url, triedFor: .seconds(2 * 86_400), attempt: 500)
            _ = try await receiver.wait(for: 2)
        }
        await receiver.stop()
        try await withSchema { pool in
            try await note(pool, url: "http://a/", triedFor: .seconds(3 * 86_400))
            let callback = try #require(try await pool.query(take(nil)).compactMap(Callback.init).first)
            for (age, state) in [(4, "pending"), (2, "dead")] {
                let failed = CallbackStatements.failed(
                    callback,
                    "away",
                    tryingAfter: .seconds(60),
                    olderThan: .seconds(age * 86_400)
                )
                #expect(try await pool.query(failed)[0].decode(0, as: String.self) == state)
            }
        }
    }

    @Test func `a receiver is not called again before it asks to be`() async throws {
        let receiver = try await Receiver.start(retryAfter: 600) { _, _ in .tooManyRequests }
        var options = NotificationFixture.Options()
        options.environment = ["CALLBACK_RETRY_INITIAL_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]
        try await NotificationFixture.run(options) { fixture in
            try await note(fixture.pool, url: receiver.url)
            _ = try await receiver.wait(for: 1)
            try await eventually("it is put off") {
                try await fixture.pool
                    .query(
                        "SELECT next_at > now() + interval '590 seconds' AND last_error IS NOT NULL FROM notify.callbacks"
                    )[0]
                    .decode(0)
            }
        }
        await receiver.stop()
    }

    @Test func `what was delivered a week ago is forgotten, and nothing else`() async throws {
        try await withSchema { pool in
            let now = WallClock.system.now()
            for (days, state) in [(9, "delivered"), (9, "dead"), (9, "pending"), (8, "delivered"), (1, "delivered")] {
                let random = RandomSource.system.next()
                let id = UUID.version7(at: now + .seconds(-days * 86_400), random: (0, random))
                _ = try await pool.execute(
                    """
                    INSERT INTO notify.callbacks (id, event_id, job_id, seq, target, url, body, state, finished_at)
                    VALUES (\(id),
                        'e', gen_random_uuid(), 2, 'url', 'http://a/', '{}', \(state),
                        now() - make_interval(days => \(days)::integer))
                    """
                )
            }
            let bound = UUID.bound(at: now + .seconds(-7 * 86_400))
            #expect(try await pool.execute(CallbackStatements.forget(before: bound, atMost: 10)) == 2)
            let left = try await pool.query("SELECT state FROM notify.callbacks ORDER BY state")
                .map { try $0.decode(0, as: String.self) }
            #expect(left == ["dead", "delivered", "pending"])
        }
    }

    @Test func `foreign callbacks are never in the way of the agent's`() async throws {
        try await withSchema { pool in
            _ = try await pool.execute(
                """
                INSERT INTO notify.callbacks (id, event_id, job_id, seq, target, url, body, next_at)
                SELECT gen_random_uuid(), 'e' || n, gen_random_uuid(), 2, 'url', 'http://h' || n || '/', '{}',
                    now() - interval '1 hour'
                FROM generate_series(1, 5000) AS n
                """
            )
            try await note(pool, target: .agent, url: "http://agent/")
            let statement = CallbackStatements.take(
                for: .agent,
                atMost: 64,
                perLane: 64,
                [("", 64)],
                after: nil,
                lease: .seconds(30)
            )
            #expect(try await pool.query(statement).compactMap(Callback.init).map(\.target) == [.agent])
            #expect(try await pages(statement, in: pool) < 100)
        }
    }
}
