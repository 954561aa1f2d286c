import Kernel
public import Telemetry

/// Brings a schema up to date: applies, in order, the migrations that have not been applied.
///
/// Each runs in one transaction together with the note that it was applied, under a lock, so several services may
/// start at once and an interrupted start is simply continued. Applied migrations are compared by checksum: one
/// that was edited afterwards is an error, before anything is changed. A database that is newer than this program
/// is accepted with a warning: the program before a release must go on while the release is rolled out.
public struct Migrator: Sendable {
    private let pool: Pool
    private let table: String
    private let lockKey: String
    private let logger: Logger
    private let timeout: Duration

    /// - Parameters:
    ///   - table: schema and name of the table that lists what was applied; it is made if missing. Migrations of
    ///     different owners need different tables.
    ///   - timeout: how long one migration may take, including the wait for another service's.
    public init(
        _ pool: Pool,
        table: String = "shared.migrations",
        logger: Logger,
        timeout: Duration = .seconds(600)
    ) throws {
        let parts = table.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(Self.isPlainName) else {
            throw PostgresError(.migration, "the migrations' table must be named like shared.migrations")
        }
        self.pool = pool
        self.table = table
        self.logger = logger
        self.timeout = timeout
        lockKey = "martlet migrations \(table)"
    }

    private static func isPlainName(_ name: Substring) -> Bool {
        !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
    }

    /// Applies what is missing and returns it.
    ///
    /// - Throws: `PostgresError` of kind `.migration` when versions repeat, when an applied migration was edited or
    ///   came in below the newest applied one; the server's error when a script fails, nothing of which then lasts.
    @discardableResult
    public func migrate(_ migrations: [Migration]) async throws -> [Migration] {
        let ordered = migrations.sorted { $0.version < $1.version }
        for (one, next) in zip(ordered, ordered.dropFirst()) where one.version == next.version {
            throw PostgresError(.migration, "two migrations have version \(one.version)")
        }
        try await pool.withTransaction { transaction in try prepare(ordered, in: transaction) }
        var applied: [Migration] = []
        for migration in ordered {
            let isNew = try await pool.withTransaction { transaction in try apply(migration, in: transaction) }
            if isNew {
                applied.append(migration)
                logger.info("applied migration", ["version": migration.version, "name": migration.name])
            }
        }
        return applied
    }

    private func lock(_ transaction: isolated Transaction) throws {
        // Another service may be at work for as long as a migration may take; so may this transaction.
        let limit = String(timeout.milliseconds)
        _ = try transaction.query(
            """
            SELECT set_config('statement_timeout', \(limit), true),
                   set_config('idle_in_transaction_session_timeout', \(limit), true)
            """
        )
        _ = try transaction.query("SELECT pg_advisory_xact_lock(hashtextextended(\(lockKey), 0))", timeout: timeout)
    }

    /// Makes the table and compares what was applied with what there is.
    private func prepare(_ migrations: [Migration], in transaction: isolated Transaction) throws {
        try lock(transaction)
        let schema = String(table.prefix { $0 != "." })
        // Asked first: a role without the right to create schemas may still migrate inside one that exists.
        let missing = try transaction.query("SELECT to_regnamespace(\(schema)) IS NULL, to_regclass(\(table)) IS NULL")
        if try missing[0].decode(0, as: Bool.self) { try transaction.execute("CREATE SCHEMA \(unchecked: schema)") }
        if try missing[0].decode(1, as: Bool.self) {
            try transaction.execute(
                """
                CREATE TABLE \(unchecked: table) (
                    version    integer PRIMARY KEY,
                    name       text NOT NULL,
                    checksum   bytea NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """
            )
        }
        let applied = try transaction.query(
            """
            SELECT applied.version, applied.checksum = sha256(given.script)
            FROM \(unchecked: table) AS applied
            LEFT JOIN unnest(\(migrations.map { Int32($0.version) }), \(migrations.map(\.script)))
                AS given (version, script) USING (version)
            ORDER BY applied.version
            """
        )
        try judge(
            migrations,
            applied: applied.map { row in
                (version: try row.decode(0), isUnchanged: try row.decode(1))
            }
        )
    }

    private func judge(_ migrations: [Migration], applied: [(version: Int, isUnchanged: Bool?)]) throws {
        for (version, isUnchanged) in applied where isUnchanged == false {
            throw PostgresError(.migration, "migration \(version) was edited after it had been applied: add a new one")
        }
        let newest = applied.last?.version ?? 0
        let versions = Set(applied.map(\.version))
        for migration in migrations where migration.version < newest && !versions.contains(migration.version) {
            throw PostgresError(
                .migration,
                "migration \(migration.version) was not applied, but \(newest) was: give it a higher version"
            )
        }
        if newest > (migrations.last?.version ?? 0) {
            logger.warning("the database is newer than this program", ["table": table, "database_version": newest])
        }
    }

    /// Returns whether this call applied it.
    private func apply(_ migration: Migration, in transaction: isolated Transaction) throws -> Bool {
        try lock(transaction)
        let isUnchanged =
            try transaction.query(
                """
                SELECT checksum = sha256(\(migration.script)) FROM \(unchecked: table)
                WHERE version = \(migration.version)
                """
            )
            .first.map { try $0.decode(0, as: Bool.self) }
        if let isUnchanged {
            guard isUnchanged else {
                throw PostgresError(.migration, "another program applied a different migration \(migration.version)")
            }
            return false
        }
        try transaction.runScript(String(decoding: migration.script, as: UTF8.self), timeout: timeout)
        try transaction.execute(
            """
            INSERT INTO \(unchecked: table) (version, name, checksum)
            VALUES (\(migration.version), \(migration.name), sha256(\(migration.script)))
            """
        )
        return true
    }
}
