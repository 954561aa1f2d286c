import Concurrency
import Edge
import HTTPClient
import HTTPServer
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Store
import Telemetry

/// Composes the agent service.
@main
struct Main {
    static func main() async {
        await Program.run("agent-service", defaultPort: 8080, settings: AgentSettings.init) { settings, program in
            let common = settings.common
            let pool = Pool(common.pool, logger: program.logger, metrics: program.metrics)
            let client = Client(ClientSettings(name: "agent"), logger: program.logger, metrics: program.metrics)
            let directory = ServiceDirectory(common.discovery)
            let agent = Agent(
                settings,
                pool: pool,
                directory: directory,
                client: client,
                program
            )
            // Publishes nothing itself, the log's relay does: it tells in /health whether the broker is there.
            let publisher = common.broker.map {
                Publisher(
                    $0,
                    topology: Relay.topology,
                    settings: ConnectionSettings(name: "agent health"),
                    logger: program.logger,
                    metrics: program.metrics
                )
            }
            var api = API(
                name: "agent",
                authenticator: Authenticator(common.access, pool: pool),
                limiter: RateLimiter(common.access),
                logger: program.logger,
                metrics: program.metrics
            )
            agent.addRoutes(to: &api)
            api.addKeys(APIKeyStore(pool))
            let health = HealthChecks(
                [.database(pool), .broker { publisher?.state ?? .connecting }] + agent.softChecks
            )
            api.addOperations(health: health, metrics: program.metrics)
            let server = Server(
                settings: common.server,
                router: api.router,
                logger: program.logger,
                metrics: program.metrics
            )
            let services = (publisher.map { [PublisherService($0)] } ?? []) + agent.services
            let bound = Promise<UInt16>()
            var discovery: [any Service] = []
            if let url = common.discovery.consulURL {
                let consul = ConsulClient(url: url, client: client)
                let host = common.discovery.advertisedHost ?? common.server.host
                discovery = [
                    ConsulWatch(consul, names: [.jobQueue], directory: directory, logger: program.logger),
                    ConsulRegistration(consul, .agent, host: host, bound: bound, logger: program.logger),
                ]
            }
            return [
                DatabaseServices(pool, grace: program.grace, logger: program.logger, services),
                HTTPService(server, grace: program.grace, logger: program.logger) { bound.succeed($0.port) },
            ] + discovery
        }
    }
}
