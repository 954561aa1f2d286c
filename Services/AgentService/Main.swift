import Concurrency
import Edge
import HTTPServer
import LanguageModels
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
        await Program.run(
            "agent-service",
            defaultPort: 8080,
            switches: ["--conformance-fixtures": "MCP_CONFORMANCE_FIXTURES"],
            settings: AgentSettings.init
        ) { settings, program in
            let common = settings.common
            let pool = Pool(common.pool, logger: program.logger, metrics: program.metrics)
            // Checkpoints and calls of tools come all the time: planning their statements costs more than they do.
            var steadySettings = common.pool
            steadySettings.keepsPlans = true
            steadySettings.size = max(2, steadySettings.size / 2)
            steadySettings.applicationName += "-steady"
            let steady = Pool(steadySettings, logger: program.logger, metrics: program.metrics)
            let near = Neighbourhood(common, of: .agent, program)
            var agent = Agent(
                settings,
                pool: pool,
                steady: steady,
                directory: near.directory,
                client: near.client,
                models: settings.models.catalog(logger: program.logger, metrics: program.metrics),
                tracer: near.tracer,
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
                metrics: program.metrics,
                tracer: near.tracer
            )
            try agent.addRoutes(to: &api)
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
            return [
                DatabaseServices(pool, others: [steady], grace: program.grace, logger: program.logger, services),
                HTTPService(server, grace: program.grace) { near.bound.succeed($0.port) },
            ] + near.services(watching: [.jobQueue])
        }
    }
}
