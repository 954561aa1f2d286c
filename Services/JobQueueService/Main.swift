import Concurrency
import Edge
import HTTPServer
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Store
import Telemetry

/// Composes the job queue service.
@main
struct Main {
    static func main() async {
        await Program.run("job-queue-service", defaultPort: 8081, settings: JobQueueSettings.init) {
            settings,
            program in
            let common = settings.common
            let near = Neighbourhood(common, of: .jobQueue, program)
            let pool = Pool(common.pool, logger: program.logger, metrics: program.metrics)
            // What workers say runs all the time, in statements of a few kinds: planning them costs more than they do.
            var verbSettings = common.pool
            verbSettings.keepsPlans = true
            verbSettings.size = max(2, verbSettings.size / 2)
            verbSettings.applicationName += "-verbs"
            let verbs = Pool(verbSettings, logger: program.logger, metrics: program.metrics)
            let publisher = common.broker.map {
                Publisher(
                    $0,
                    topology: Relay.topology,
                    settings: ConnectionSettings(name: "job-queue relay"),
                    logger: program.logger,
                    metrics: program.metrics
                )
            }
            let providers = settings.providers.providers(pool, program)
            let queue = try JobQueue(
                settings,
                pool: pool,
                verbs: verbs,
                providers: providers,
                tracer: near.tracer,
                program
            )
            var api = API(
                name: "job-queue",
                authenticator: Authenticator(common.access, pool: pool),
                limiter: RateLimiter(common.access),
                logger: program.logger,
                metrics: program.metrics,
                tracer: near.tracer
            )
            queue.addRoutes(to: &api)
            api.addKeys(APIKeyStore(pool))
            let health = HealthChecks([
                .database(pool), .broker { publisher?.state ?? .connecting }, .notConfigured("mcp_server"),
                .vacuum(pool),
            ])
            api.addOperations(health: health, metrics: program.metrics)
            let server = Server(
                settings: common.server,
                router: api.router,
                logger: program.logger,
                metrics: program.metrics
            )
            let services = (publisher.map { [PublisherService($0)] } ?? []) + queue.services(publisher: publisher)
            return [
                DatabaseServices(pool, others: [verbs], grace: program.grace, logger: program.logger, services),
                HTTPService(server, grace: program.grace) { near.bound.succeed($0.port) },
            ] + near.services()
        }
    }
}
