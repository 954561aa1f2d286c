import Contracts
import Kernel
import Messaging
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

/// Reading the log without ever passing over a row that commits later.
@Suite(.timeLimit(.minutes(1))) struct LogReadingTests {
    private func withPool(_ body: @escaping @Sendable (Pool) async throws -> Void) async throws {
        try await TestPostgres.withDatabase { database in
            var settings = database.settings
            settings.size = 12
            let pool = Pool(settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let result = await Task { try await body(pool) }.result
            await pool.close()
            try result.get()
        }
    }

    @Test func `a row behind an open transaction waits for it`() async throws {
        try await withPool { pool in
            let reader = EventLogReader(pool)
            let ids = (0..<2).map { _ in IdentifierSource().uuid() }
            try await pool.withTransaction { transaction in
                try transaction.execute(FeedFixture.statement("early", ids[0]))
                // It commits first although it began later.
                _ = try await pool.execute(FeedFixture.statement("late", ids[1]))
                let seen = try await reader.settled(after: .start, atMost: 10)
                #expect(seen.map(\.id) == [])
            }
            #expect(try await reader.settled(after: .start, atMost: 10).map(\.id) == ["early", "late"])
            let end = try await reader.settledEnd()
            #expect(try await reader.settled(after: end, atMost: 10).isEmpty)
        }
    }

    @Test func `the horizon is never beyond an open transaction of ours`() async throws {
        try await withPool { pool in
            let horizon: SQL = "SELECT shared.settled_horizon()"
            _ = try await pool.execute(FeedFixture.statement("earlier", IdentifierSource().uuid()))
            try await pool.withTransaction { transaction in
                let open: TransactionID = try transaction.query("SELECT pg_current_xact_id()")[0].decode(0)
                // Whether or not there is an event that it holds back.
                #expect(try await pool.query(horizon)[0].decode(0) <= open)
                _ = try await pool.execute(FeedFixture.statement("later", IdentifierSource().uuid()))
                #expect(try await pool.query(horizon)[0].decode(0) <= open)
            }
        }
    }

    @Test func `a transaction of another database holds nothing back`() async throws {
        try await withPool { pool in
            try await withPool { other in
                try await other.withTransaction { transaction in
                    try transaction.execute("SELECT pg_current_xact_id()")
                    _ = try await pool.execute(FeedFixture.statement("event", IdentifierSource().uuid()))
                    #expect(try await EventLogReader(pool).settled(after: .start, atMost: 10).map(\.id) == ["event"])
                }
            }
        }
    }

    @Test func `a reader beside many writers sees every row once and in order`() async throws {
        try await withPool { pool in
            let reader = EventLogReader(pool)
            let count = 8 * 60
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for number in 0..<60 {
                            let id = IdentifierSource().uuid()
                            try await pool.withTransaction { transaction in
                                try transaction.execute(FeedFixture.statement("\(writer).\(number)", id))
                                // Commits overtake one another.
                                try transaction.execute("SELECT pg_sleep(random() * 0.004)")
                            }
                        }
                    }
                }
                var seen: [LoggedEvent] = []
                while seen.count < count {
                    seen += try await reader.settled(after: seen.last?.place ?? .start, atMost: 50)
                }
                try await group.waitForAll()
                #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.place < $1.place })
                #expect(Set(seen.map(\.id)).count == count)
            }
        }
    }
}
