public import Postgres
public import Telemetry

/// The database's schema.
public enum Schema {
    /// All migrations, in order.
    ///
    /// - Throws: `PostgresError` when a file is not named `V<number>__<name>.sql`.
    public static func migrations() throws -> [Migration] {
        try [
            Migration("V0001__event_log", PackageResources.V0001__event_log_sql),
            Migration("V0002__agent", PackageResources.V0002__agent_sql),
            Migration("V0003__jobs", PackageResources.V0003__jobs_sql),
            Migration("V0004__notify", PackageResources.V0004__notify_sql),
            Migration("V0005__schedules", PackageResources.V0005__schedules_sql),
            Migration("V0006__limits", PackageResources.V0006__limits_sql),
            Migration("V0007__insight", PackageResources.V0007__insight_sql),
            Migration("V0008__stable_time", PackageResources.V0008__stable_time_sql),
            Migration("V0009__lease_fences", PackageResources.V0009__lease_fences_sql),
            Migration("V0010__callbacks", PackageResources.V0010__callbacks_sql),
            Migration("V0011__threads", PackageResources.V0011__threads_sql),
            Migration("V0012__presence", PackageResources.V0012__presence_sql),
            Migration("V0013__tools", PackageResources.V0013__tools_sql),
            Migration("V0014__notes", PackageResources.V0014__notes_sql),
            Migration("V0015__runs", PackageResources.V0015__runs_sql),
            Migration("V0016__job_cancellations", PackageResources.V0016__job_cancellations_sql),
            Migration("V0017__mcp_streams", PackageResources.V0017__mcp_streams_sql),
            Migration("V0018__settled_events", PackageResources.V0018__settled_events_sql),
        ]
    }

    /// The newest migration that was applied.
    public static let version: SQL = "SELECT max(version)::bigint FROM shared.migrations"

    /// Brings a database up to date; several processes may do so at once.
    public static func migrate(_ pool: Pool, logger: Logger) async throws {
        try await Migrator(pool, logger: logger).migrate(migrations())
    }
}
