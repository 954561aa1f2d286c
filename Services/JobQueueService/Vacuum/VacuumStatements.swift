import Postgres

/// Statements about what vacuum cannot remove.
enum VacuumStatements {
    /// The oldest of all that may still look at dead rows of this database, if it is old enough to be told.
    static func holder(longerThan age: Duration, transactions: Int) -> SQL {
        """
        SELECT kind, name, application, state, extract(epoch FROM now() - since)::double precision, transactions::bigint
        FROM (
            SELECT 'session' AS kind, pid::text AS name, application_name AS application, state, xact_start AS since,
                greatest(age(backend_xmin), age(backend_xid)) AS transactions
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type NOT IN ('walsender', 'autovacuum worker')
            UNION ALL
            SELECT 'prepared transaction', gid, NULL, NULL, prepared, age(transaction)
            FROM pg_prepared_xacts
            WHERE database = current_database()
            UNION ALL
            SELECT 'replication slot', slot_name, plugin, CASE WHEN active THEN 'active' ELSE 'inactive' END, NULL, age(xmin)
            FROM pg_replication_slots
            UNION ALL
            SELECT 'standby', coalesce(application_name, pid::text), NULL, state, NULL, age(backend_xmin)
            FROM pg_stat_replication
        ) AS holder
        WHERE transactions IS NOT NULL AND (since < now() - \(age)::interval OR transactions > \(transactions))
        ORDER BY transactions DESC, since
        LIMIT 1
        """
    }

    /// Dead rows of the tables that are written most.
    static let deadRows: SQL = """
        SELECT relname::text, n_dead_tup
        FROM pg_stat_user_tables
        WHERE schemaname = 'jobs' AND relname IN ('ready', 'scheduled', 'leases', 'jobs') AND n_dead_tup > 0
        ORDER BY n_dead_tup DESC
        """
}
