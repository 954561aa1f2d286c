import Concurrency
import Kernel
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TransactionTests {
    struct Failure: Error {}

    private func withTable(_ body: (Pool) async throws -> Void) async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE t (n bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
            try await body(pool)
        }
    }

    private func expectRows(_ expected: Int, in pool: Pool) async throws {
        let count = try await pool.query("SELECT count(*) FROM t")[0].decode(0, as: Int.self)
        #expect(count == expected)
    }

    @Test func `what the body did is there after it returned, and not before`() async throws {
        try await withTable { pool in
            let other = pool
            let seen = try await pool.withTransaction { transaction in
                try transaction.execute("INSERT INTO t VALUES (\(1))")
                // A second connection: the pool has four.
                return try await other.query("SELECT count(*) FROM t")[0].decode(0, as: Int.self)
            }
            #expect(seen == 0)
            try await expectRows(1, in: pool)
        }
    }

    @Test func `nothing is left of a body that throws`() async throws {
        try await withTable { pool in
            await #expect(throws: Failure.self) {
                try await pool.withTransaction { transaction in
                    try transaction.execute("INSERT INTO t VALUES (\(1))")
                    throw Failure()
                }
            }
            try await expectRows(0, in: pool)
        }
    }

    @Test func `a failed statement that the body swallows does not commit in silence`() async throws {
        try await withTable { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withTransaction { transaction in
                    try transaction.execute("INSERT INTO t VALUES (\(1))")
                    #expect(throws: PostgresError.self) { try transaction.query("SELECT 1/0") }
                }
            }
            #expect(error?.code == .inFailedTransaction)
            try await expectRows(0, in: pool)
        }
    }

    @Test func `an error of the COMMIT itself is the server's, with its code`() async throws {
        try await withTable { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withTransaction { transaction in
                    try transaction.execute("INSERT INTO t VALUES (\(1)), (\(1))")
                }
            }
            #expect(error?.code == .uniqueViolation)
            #expect(error?.kind == .server)
        }
    }

    @Test func `a cancelled task rolls back, and its connection is used again`() async throws {
        try await withPool({ $0.size = 1 }) { pool, database in
            try await pool.execute("CREATE TABLE t (n bigint)")
            let before = try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self)
            let task = Task {
                try await pool.withTransaction { transaction in
                    try transaction.execute("INSERT INTO t VALUES (\(1))")
                    try transaction.execute("SELECT pg_sleep(60)")
                }
            }
            try await withObserver(of: database) { observer in
                try await observer.until(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active')"
                )
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await expectRows(0, in: pool)
            #expect(try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self) == before)
        }
    }

    @Test func `cancellation between statements ends the transaction too`() async throws {
        try await withTable { pool in
            let reached = Promise<Void>()
            let task = Task {
                try await pool.withTransaction { transaction in
                    try transaction.execute("INSERT INTO t VALUES (\(1))")
                    reached.succeed(())
                    // A body that takes no notice of its cancellation.
                    while !Task.isCancelled { await Task.yield() }
                }
            }
            try await reached.value()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await expectRows(0, in: pool)
        }
    }

    @Test func `isolation, read-only and the server's own limits are set, and not left behind`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            let settings: SQL = """
                SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),
                       current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')
                """
            let row = try await pool.withTransaction(.serializable, readOnly: true) { try $0.query(settings)[0] }
            #expect(try (0..<4).map { try row.decode($0, as: String.self) } == ["serializable", "on", "35s", "35s"])
            let after = try await pool.query(settings)[0]
            #expect(try (0..<4).map { try after.decode($0, as: String.self) } == ["read committed", "off", "0", "0"])
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withTransaction(readOnly: true) { try $0.execute("CREATE TABLE x ()") }
            }
            #expect(error?.code == .readOnlyTransaction)
        }
    }

    @Test func `a serialisation failure runs the body again, as often as allowed`() async throws {
        try await withTable { pool in
            try await pool.execute("INSERT INTO t VALUES (\(0))")
            let increment: @Sendable () async throws -> Void = {
                try await pool.withTransaction(.serializable, retries: 50) { transaction in
                    let n: Int = try transaction.query("SELECT n FROM t")[0].decode(0)
                    await Task.yield()
                    try transaction.execute("UPDATE t SET n = \(n + 1)")
                }
            }
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 { group.addTask { try await increment() } }
                try await group.waitForAll()
            }
            #expect(try await pool.query("SELECT n FROM t")[0].decode(0, as: Int.self) == 20)
        }
    }

    @Test func `a transaction used after its end refuses`() async throws {
        try await withTable { pool in
            let escaped = try await pool.withTransaction { transaction in
                try transaction.execute("INSERT INTO t VALUES (\(1))")
                return transaction
            }
            let error = await #expect(throws: PostgresError.self) { try await escaped.query("SELECT 1") }
            #expect(error?.kind == .closed)
        }
    }

    @Test func `losing the connection before COMMIT is not reported as success`() async throws {
        try await withPool { pool, database in
            try await pool.execute("CREATE TABLE t (n bigint)")
            let error = try await withObserver(of: database) { observer in
                await #expect(throws: PostgresError.self) {
                    try await pool.withTransaction { transaction in
                        try transaction.execute("INSERT INTO t VALUES (\(1))")
                        let pid: Int = try transaction.query("SELECT pg_backend_pid()")[0].decode(0)
                        try await observer.execute("SELECT pg_terminate_backend(\(pid)::int)")
                        try await observer.until("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = \(pid))")
                    }
                }
            }
            #expect(error?.kind == .commitUnknown)
            #expect(error?.isConnectionLost == true)
            try await expectRows(0, in: pool)
        }
    }

    @Test func `a statement that leaves a transaction open cannot lend it to the next caller`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            try await pool.execute("CREATE TABLE t (n bigint)")
            try await pool.execute("BEGIN")
            try await pool.execute("INSERT INTO t VALUES (\(1))")
            try await pool.withConnection { connection in
                try connection.execute("BEGIN")
                try connection.execute("INSERT INTO t VALUES (\(2))")
            }
            let rows = try await pool.query("SELECT n FROM t")
            #expect(try rows.map { try $0.decode(0, as: Int.self) } == [1])
        }
    }
}
