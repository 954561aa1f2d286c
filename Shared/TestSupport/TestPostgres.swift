import Foundation
public import Postgres
import Telemetry

/// A real Postgres for tests: the server that `MARTLET_TEST_DATABASE_URL` names, or a private one that lives as long
/// as the test process.
public struct TestPostgres: Sendable {
    /// A database of its own on the test server.
    public struct Database: Sendable {
        /// Its name.
        public let name: String
        /// Where it is.
        public let url: String

        /// Small and impatient settings, for tests.
        public var settings: PoolSettings {
            var settings = PoolSettings(url, applicationName: name)
            settings.size = 4
            return settings
        }
    }

    /// Makes an empty database, runs `body` with it, and drops it, sessions and all.
    public static func withDatabase<Value>(_ body: (Database) async throws -> Value) async throws -> Value {
        let database = try await database()
        do {
            let value = try await body(database)
            try await drop(database)
            return value
        } catch {
            // The body's error is the one to report.
            do { try await drop(database) } catch { print("could not drop \(database.name): \(error)") }
            throw error
        }
    }

    /// Makes an empty database that stays until the test server ends.
    public static func database() async throws -> Database {
        let server = try await TestServer.shared.url()
        let name = "test_" + Foundation.UUID().uuidString.lowercased().replacing("-", with: "")
        try await administer(server, "CREATE DATABASE \(unchecked: name)")
        return Database(name: name, url: try TestServer.replacingDatabase(of: server, by: name))
    }

    /// Drops a database and ends its sessions.
    public static func drop(_ database: Database) async throws {
        try await administer(
            TestServer.shared.url(),
            "DROP DATABASE IF EXISTS \(unchecked: database.name) WITH (FORCE)"
        )
    }

    /// Ends a database's sessions and refuses new ones, or accepts them again: it is away, and it is back.
    public static func setAway(_ isAway: Bool, _ database: Database) async throws {
        let server = try await TestServer.shared.url()
        try await administer(
            server,
            "ALTER DATABASE \(unchecked: database.name) ALLOW_CONNECTIONS \(unchecked: isAway ? "false" : "true")"
        )
        guard isAway else { return }
        try await administer(
            server,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \(database.name)"
        )
    }

    private static func administer(_ url: String, _ sql: SQL) async throws {
        var settings = PoolSettings(url, applicationName: "tests")
        settings.size = 1
        let pool = Pool(settings, logger: .silent, metrics: Metrics())
        let result = await Task { try await pool.execute(sql, timeout: .seconds(60)) }.result
        await pool.close()
        _ = try result.get()
    }
}
