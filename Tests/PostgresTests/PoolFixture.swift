import Postgres
import Telemetry
import TestSupport

/// Runs `body` with a pool on a database of its own.
func withPool<Value>(
    _ change: (inout PoolSettings) -> Void = { _ in },
    _ body: (Pool, TestPostgres.Database) async throws -> Value
) async throws -> Value {
    try await TestPostgres.withDatabase { database in
        var settings = database.settings
        change(&settings)
        let pool = Pool(settings, logger: .silent, metrics: Metrics())
        do {
            let value = try await body(pool, database)
            await pool.close()
            return value
        } catch {
            await pool.close()
            throw error
        }
    }
}

/// Runs `body` with another pool, as an observer, on the same database.
func withObserver<Value>(of database: TestPostgres.Database, _ body: (Pool) async throws -> Value) async throws -> Value
{
    var settings = database.settings
    settings.applicationName = "observer"
    settings.size = 1
    let pool = Pool(settings, logger: .silent, metrics: Metrics())
    do {
        let value = try await body(pool)
        await pool.close()
        return value
    } catch {
        await pool.close()
        throw error
    }
}

extension Pool {
    /// Asks until `condition` holds; the suite's time limit bounds it. Each question is an event of the server's.
    func until(_ condition: SQL) async throws {
        while try await !query("SELECT (\(condition))")[0].decode(0, as: Bool.self) { await Task.yield() }
    }
}
