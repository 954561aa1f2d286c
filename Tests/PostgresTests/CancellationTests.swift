import Kernel
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct CancellationTests {
    @Test func `cancelling the task stops the statement on the server`() async throws {
        try await withPool { pool, database in
            let task = Task { try await pool.query("SELECT pg_sleep(61)") }
            try await withObserver(of: database) { observer in
                let running: SQL = """
                    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(61)' AND state = 'active')
                    """
                try await observer.until(running)
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(try await observer.query(running)[0].decode(0, as: Bool.self) == false)
            }
        }
    }

    @Test func `a statement that takes too long is stopped, and its connection is used again`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            let before = try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self)
            let start = ContinuousClock.now
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT pg_sleep(60)", timeout: .milliseconds(50))
            }
            #expect(error?.kind == .timedOut)
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self) == before)
        }
    }

    @Test func `a result that never ends is cut at the deadline, too`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query(
                    "SELECT repeat('x', 10000) FROM generate_series(1, 100000000)",
                    timeout: .milliseconds(100)
                )
            }
            #expect(error?.kind == .timedOut)
            let next = try await pool.query("SELECT 1")
            #expect(next.count == 1)
        }
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE t (n bigint)")
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await pool.execute("INSERT INTO t VALUES (\(1))")
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await pool.query("SELECT count(*) FROM t")[0].decode(0, as: Int.self) == 0)
        }
    }

    @Test func `a thousand cancelled statements hit only themselves and leak no connection`() async throws {
        try await withPool { pool, database in
            try await withObserver(of: database) { observer in
                for round in 0..<50 {
                    await withTaskGroup { group in
                        for index in 0..<20 {
                            group.addTask {
                                // Cancelled at every stage: before, while waiting for a connection, while running, after.
                                let task = Task { try await pool.query("SELECT pg_sleep(\(Double(index % 3) / 100))") }
                                for _ in 0..<(index * round / 10) { await Task.yield() }
                                task.cancel()
                                _ = await task.result
                            }
                        }
                    }
                    // A cancellation that hit a bystander would show here.
                    #expect(try await pool.query("SELECT 1 FROM pg_sleep(0.001)").count == 1)
                }
                let sessions = try await observer.query(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = \(database.name)"
                )
                #expect(try sessions[0].decode(0, as: Int.self) <= 4)
            }
        }
    }
}
