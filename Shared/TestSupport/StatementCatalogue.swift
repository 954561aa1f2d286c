public import Postgres
import Telemetry

/// Plans statements against a real database, so that a typo or a dropped column shows in a second.
public enum StatementCatalogue {
    /// A statement and what it is called in a report.
    public typealias Entry = (name: String, statement: SQL)

    /// What the database does not accept, one line each.
    ///
    /// - Parameters:
    ///   - prepare: makes the tables.
    ///   - entries: the statements; the pool is for those that need rows to be written down.
    public static func defects(
        after prepare: (Pool) async throws -> Void,
        in entries: (Pool) async throws -> [Entry]
    ) async throws -> [String] {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            var defects: [String] = []
            do {
                try await prepare(pool)
                for (name, statement) in try await entries(pool) {
                    do {
                        _ = try await pool.query("EXPLAIN \(statement)")
                    } catch {
                        defects.append("\(name): \(String(reflecting: error))")
                    }
                }
            } catch {
                defects.append("the catalogue itself: \(String(reflecting: error))")
            }
            await pool.close()
            return defects
        }
    }
}
