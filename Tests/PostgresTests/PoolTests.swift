import Concurrency
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct PoolTests {
    @Test func `no more connections than its size, however many ask`() async throws {
        try await withPool({ $0.size = 3 }) { pool, database in
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        try await pool.query("SELECT \(number), pg_sleep(0.001)")[0].decode(0, as: Int.self)
                    }
                }
                var sum = 0
                for try await number in group { sum += number }
                #expect(sum == 199 * 200 / 2)
            }
            try await withObserver(of: database) { observer in
                let sessions = try await observer.query(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = \(database.name)"
                )
                #expect(try sessions[0].decode(0, as: Int.self) <= 3)
            }
        }
    }

    @Test func `those who wait too long, and those who are too many, are refused`() async throws {
        try await withPool({
            $0.size = 1
            $0.maximumWaiters = 1
            $0.acquireDeadline = .seconds(1)
        }) { pool, _ in
            // Connected before the test begins: on a busy machine that alone may take the deadline.
            while (try? await pool.query("SELECT 1")) == nil {}
            let held = Promise<Void>()
            let free = Promise<Void>()
            let holder = Task {
                try await pool.withConnection { _ in
                    held.succeed(())
                    try await free.value()
                }
            }
            try await held.value()
            let outcomes = await withTaskGroup { group in
                for _ in 0..<5 {
                    group.addTask {
                        do {
                            _ = try await pool.query("SELECT 1")
                            return nil as PostgresError.Kind?
                        } catch {
                            return (error as? PostgresError)?.kind
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes == Array(repeating: .poolExhausted, count: 5))
            free.succeed(())
            try await holder.value
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `without a server callers are refused within the deadline, and later at once`() async throws {
        var settings = PoolSettings("postgres://nobody@127.0.0.1:1/none")
        settings.acquireDeadline = .milliseconds(300)
        let pool = Pool(settings, logger: .silent, metrics: Metrics())
        let start = ContinuousClock.now
        let first = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
        #expect(first?.kind == .unavailable)
        #expect(first?.isRetriable == true)
        #expect(ContinuousClock.now - start < .seconds(5))
        await pool.close()
        let closed = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
        #expect(closed?.kind == .closed)
    }

    @Test func `a session ended in the middle of a statement is an error, and the next statement works`() async throws {
        try await withPool({ $0.size = 1 }) { pool, database in
            let task = Task { try await pool.query("SELECT pg_sleep(62)") }
            try await withObserver(of: database) { observer in
                try await observer.until(
                    """
                    SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
                    WHERE query = 'SELECT pg_sleep(62)' AND state = 'active'
                    """
                )
            }
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.isConnectionLost == true)
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `a session ended while idle is not noticed by the next caller`() async throws {
        try await withPool({ $0.size = 2 }) { pool, database in
            for _ in 0..<20 {
                let pid = try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self)
                try await withObserver(of: database) { observer in
                    try await observer.execute("SELECT pg_terminate_backend(\(pid)::int)")
                    try await observer.until("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = \(pid))")
                }
                #expect(try await pool.execute("SELECT 1") == 1)
                #expect(try await pool.withTransaction { try $0.query("SELECT 1").count } == 1)
            }
        }
    }

    @Test func `a server that is killed and started again is found again`() async throws {
        let server = TestServer(alwaysPrivate: true)
        var settings = PoolSettings(try await server.url())
        settings.acquireDeadline = .seconds(2)
        settings.size = 3
        let pool = Pool(settings, logger: .silent, metrics: Metrics())
        try await pool.execute("CREATE TABLE t (n bigint)")
        try await pool.execute("INSERT INTO t VALUES (\(1))")
        try await server.kill()
        let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
        #expect(error?.kind == .unavailable || error?.isConnectionLost == true)
        try await server.restart()
        // Within the backoff the pool may still refuse; it must stop doing so by itself.
        while true {
            do {
                #expect(try await pool.query("SELECT n FROM t").count == 1)
                break
            } catch let error as PostgresError where error.kind == .unavailable {
                await Task.yield()
            }
        }
        await pool.close()
    }

    @Test func `closing waits for the lent connections and ends all sessions`() async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            let held = Promise<Void>()
            let free = Promise<Void>()
            let task = Task {
                try await pool.withConnection { connection in
                    held.succeed(())
                    try await free.value()
                    return try connection.query("SELECT 7")[0].decode(0, as: Int.self)
                }
            }
            try await held.value()
            try await withObserver(of: database) { observer in
                async let closing: Void = pool.close()
                free.succeed(())
                await closing
                #expect(try await task.value == 7)
                try await observer.until(
                    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = \(database.name))"
                )
            }
        }
    }

    @Test func `connections grow old and are replaced`() async throws {
        try await withPool({
            $0.size = 1
            $0.maximumLifetime = .zero
        }) { pool, _ in
            let pids = [
                try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self),
                try await pool.query("SELECT pg_backend_pid()")[0].decode(0, as: Int.self),
            ]
            #expect(pids[0] != pids[1])
        }
    }

    @Test func `idle connections are closed after a while`() async throws {
        try await withPool({
            $0.idleLifetime = .milliseconds(1)
            $0.acquireDeadline = .seconds(4)
        }) { pool, database in
            _ = try await pool.query("SELECT 1")
            try await withObserver(of: database) { observer in
                try await observer.until(
                    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = \(database.name))"
                )
            }
        }
    }
}
