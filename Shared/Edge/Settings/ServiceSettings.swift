public import HTTPServer
import Kernel
public import Postgres
public import RabbitMQ
public import Settings

/// The settings that all three services have.
public struct ServiceSettings: Sendable {
    /// Where the service runs.
    public enum Mode: String, Sendable, CaseIterable {
        case development, production
    }

    /// Where the service runs.
    public let mode: Mode
    /// The HTTP server's.
    public let server: ServerSettings
    /// The database's.
    public let pool: PoolSettings
    /// The broker's; `nil` after a mistake.
    public let broker: BrokerAddress?
    /// Who may call.
    public let access: AccessSettings
    /// Where the services are.
    public let discovery: DiscoverySettings
    /// Where spans go, if anywhere.
    public let otlpEndpoint: String?
    /// The MCP server to watch in `/health`, if any.
    public let mcpServerURL: String?

    /// Reads them.
    public init(_ reader: inout SettingsReader, service: String, port: Int) {
        mode = reader.choice("ENVIRONMENT", "development or production", default: Mode.development)
        let inProduction = mode == .production
        var server = ServerSettings(
            host: reader.string("HOST", "address to listen on", default: "127.0.0.1"),
            port: UInt16(reader.int("PORT", "port to listen on; 0 takes a free one", default: port, in: 0...65_535))
        )
        let loops = reader.int(
            "HTTP_LOOPS",
            "event loops of the HTTP server; 0: one per core, at most 4",
            default: 0,
            in: 0...64
        )
        if loops > 0 { server.loops = loops }
        server.connections = reader.int("MAX_CONNECTIONS", "open connections", default: 20_000, in: 1...1_000_000)
        server.connectionsPerAddress = reader.int(
            "MAX_CONNECTIONS_PER_ADDRESS",
            "open connections of one address",
            default: 1_000,
            in: 1...1_000_000
        )
        self.server = server

        var pool = PoolSettings(
            url: reader.secret("DATABASE_URL", "postgres://user:password@host:port/database"),
            applicationName: "martlet-\(service)"
        )
        pool.size = reader.int(
            "DATABASE_POOL_SIZE",
            "database connections; the job queue and the agent have half as many again",
            default: 8,
            in: 2...200
        )
        pool.usesPreparedStatements = reader.flag(
            "DATABASE_PREPARED_STATEMENTS",
            "false behind a PgBouncer before 1.21",
            default: true
        )
        self.pool = pool

        let url = reader.secret(
            "BROKER_URL",
            "amqp://user:password@host:port/vhost",
            default: inProduction ? nil : "amqp://guest:guest@127.0.0.1:5672/%2f"
        )
        do {
            broker = url.reveal().isEmpty ? nil : try BrokerAddress(url: url.reveal())
        } catch {
            broker = nil
            reader.refuse("BROKER_URL is not an AMQP URL")
        }
        access = AccessSettings(&reader, inProduction: inProduction)
        discovery = DiscoverySettings(&reader, service: service)
        otlpEndpoint = reader.optionalString("OTEL_EXPORTER_OTLP_ENDPOINT", "where spans go, as OTLP over HTTP")
        mcpServerURL = reader.optionalString("MCP_SERVER_URL", "MCP server to watch in /health")
    }
}

/// The settings of where the services are.
public struct DiscoverySettings: Sendable {
    /// Consul's address; without one the static URLs count.
    public let consulURL: String?
    /// Under which address others reach this process.
    public let advertisedHost: String?
    /// The agent service.
    public let agentURL: String
    /// The job queue service.
    public let jobQueueURL: String
    /// The notification service.
    public let notificationURL: String

    init(_ reader: inout SettingsReader, service: String) {
        consulURL = reader.optionalString("CONSUL_URL", "Consul to register with and to find services in")
        advertisedHost = reader.optionalString("ADVERTISE_HOST", "address under which others reach this process")
        agentURL = reader.string("AGENT_URL", "the agent service", default: "http://127.0.0.1:8080")
        jobQueueURL = reader.string("JOB_QUEUE_URL", "the job queue service", default: "http://127.0.0.1:8081")
        notificationURL = reader.string(
            "NOTIFICATION_URL",
            "the notification service",
            default: "http://127.0.0.1:8082"
        )
        for (name, url) in [
            ("AGENT_URL", agentURL), ("JOB_QUEUE_URL", jobQueueURL), ("NOTIFICATION_URL", notificationURL),
        ]
        where !url.hasPrefix("http://") && !url.hasPrefix("https://") {
            reader.refuse("\(name) must begin with http:// or https://")
        }
    }
}
