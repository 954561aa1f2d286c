import Concurrency
import Edge
import HTTPServer
import Lifecycle
import Postgres
import Store
import Telemetry

/// Composes the notification service.
@main
struct Main {
    static func main() async {
        await Program.run("notification-service", defaultPort: 8082, settings: NotificationSettings.init) {
            settings,
            program in
            let common = settings.common
            let near = Neighbourhood(common, of: .notification, program)
            let pool = Pool(common.pool, logger: program.logger, metrics: program.metrics)
            // Callbacks are noted, taken and ticked off all the time, by indexes however few or many there are.
            var callbackSettings = common.pool
            callbackSettings.keepsPlans = true
            callbackSettings.size = 4
            callbackSettings.applicationName += "-callbacks"
            let callbackPool = Pool(callbackSettings, logger: program.logger, metrics: program.metrics)
            let authenticator = Authenticator(common.access, pool: pool)
            let notification = Notification(
                settings,
                pool: pool,
                callbackPool: callbackPool,
                authenticator: authenticator,
                directory: near.directory,
                program
            )
            var api = API(
                name: "notification",
                authenticator: authenticator,
                limiter: RateLimiter(common.access),
                logger: program.logger,
                metrics: program.metrics,
                tracer: near.tracer
            )
            notification.addRoutes(to: &api)
            let health = HealthChecks([.database(pool)] + notification.checks + [.notConfigured("mcp_server")])
            api.addOperations(health: health, metrics: program.metrics)
            let server = Server(
                settings: common.server,
                router: api.router,
                logger: program.logger,
                metrics: program.metrics
            )
            return [
                DatabaseServices(
                    pool,
                    others: [callbackPool],
                    grace: program.grace,
                    logger: program.logger,
                    notification.services
                ),
                HTTPService(server, grace: program.grace) { near.bound.succeed($0.port) },
            ] + near.services(watching: [.agent])
        }
    }
}
