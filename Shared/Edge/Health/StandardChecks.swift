public import Postgres
public import RabbitMQ

extension HealthCheck {
    /// The database answers.
    public static func database(_ pool: Pool) -> HealthCheck {
        .hard("database") {
            _ = try await pool.query("SELECT 1", timeout: .seconds(4))
            return HealthResult(.healthy)
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
