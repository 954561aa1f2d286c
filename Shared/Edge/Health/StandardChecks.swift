public import Postgres
public import RabbitMQ
import Store

extension HealthCheck {
    /// The database answers, and its schema is at least as new as this program.
    public static func database(_ pool: Pool) -> HealthCheck {
        .hard("database") {
            do {
                let version: Int? = try await pool.query(Schema.version, timeout: .seconds(4)).first?.decode(0)
                let wanted = try Schema.migrations().map(\.version).max() ?? 0
                guard let version, version >= wanted else {
                    return HealthResult(.unhealthy, "the schema is being prepared")
                }
                return HealthResult(.healthy)
            } catch let error as PostgresError where error.code == .undefinedTable {
                return HealthResult(.unhealthy, "the schema is being prepared")
            }
        }
    }

    /// The broker is connected and takes messages.
    public static func broker(_ state: @escaping @Sendable () -> ConnectionState) -> HealthCheck {
        .soft("message_broker") {
            switch state() {
            case .ready: HealthResult(.healthy)
            case .blocked(let reason): HealthResult(.degraded, "blocked by the broker: \(reason)")
            case .connecting: HealthResult(.degraded, "connecting")
            case .down(let reason): HealthResult(.degraded, "\(reason)")
            }
        }
    }
}
