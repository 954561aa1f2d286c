import Kernel
import Lifecycle
import Messaging
import Postgres
import Store
import Telemetry

/// Makes tomorrow's partitions of the event log and drops those that are too old; forgets old idempotency keys,
/// unique claims and rates.
struct LogKeeper: Service {
    let name = "log keeper"
    let pool: Pool
    let retentionDays: Int
    let logger: Logger

    func run(until stop: StopSignal) async throws {
        try await LeaderLease("log keeper", pool: pool, term: .seconds(60), logger: logger)
            .run(until: stop) { _ in
                while true {
                    _ = try await pool.query(LogKeeperStatements.makePartitions)
                    for row in try await pool.query(LogKeeperStatements.outdated(days: retentionDays)) {
                        let partition: String = try row.decode(0)
                        _ = try await pool.execute(LogKeeperStatements.drop(partition))
                        logger.info("dropped old events", ["partition": partition])
                    }
                    while try await pool.execute(IdempotencyStatements.forget(atMost: 1000)) == 1000 {}
                    while try await pool.execute(UniqueStatements.forget(atMost: 1000)) == 1000 {}
                    while try await pool.execute(QueueStatements.forgetRates(atMost: 1000)) == 1000 {}
                    try await Task.sleep(for: .seconds(600))
                }
            }
    }
}

/// Statements that keep the event log's partitions.
enum LogKeeperStatements {
    static let makePartitions: SQL = "SELECT shared.make_event_partitions((now() AT TIME ZONE 'UTC')::date, 3)"

    /// Partitions of days that are old enough, unless a reader of the log has stood still for as long.
    static func outdated(days: Int) -> SQL {
        """
        SELECT child.relname::text
        FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = 'shared.events'::regclass
            AND child.relname ~ '^events_[0-9]{8}$'
            AND to_date(right(child.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - \(days)::integer
            AND NOT EXISTS (
                SELECT FROM shared.cursors WHERE updated_at < now() - make_interval(days => \(days)::integer)
            )
        ORDER BY child.relname
        """
    }

    /// The name comes from the catalogue and matches the pattern above.
    static func drop(_ partition: String) -> SQL { "DROP TABLE shared.\(unchecked: partition)" }
}
