import Concurrency
import Contracts
import Edge
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Store
import Telemetry

/// The notification service, composed: what `Main` runs and what tests run inside of them.
///
/// ```
///   RabbitMQ ─▶ EventFeed ─▶ Hub ─▶ sessions on WebSockets, SSE, poll
///                  ▲ gaps
///   event log ─────┴─▶ CallbackLedger (one leader) ─▶ notify.callbacks ─▶ CallbackSender ─▶ agent, callback_url
/// ```
struct Notification: Sendable {
    let hub: Hub
    let feed: EventFeed
    private let around: Session.Surroundings
    private let tickets: TicketStore
    let pool: Pool
    private let presence: Presence
    private let ledger: CallbackLedger
    private let sender: CallbackSender
    private let sending: Wakeup

    init(
        _ settings: NotificationSettings,
        pool: Pool,
        authenticator: Authenticator,
        directory: ServiceDirectory,
        limits: SessionLimits = SessionLimits(),
        hubLimits: Hub.Limits = Hub.Limits(),
        callbackLease: Duration = .seconds(30),
        _ program: Program.Environment
    ) {
        let metrics = NotificationMetrics(program.metrics)
        let hub = Hub(limits: hubLimits, softLimit: limits.softBytes, metrics: metrics)
        self.hub = hub
        self.pool = pool
        presence = Presence(hub: hub, pool: pool, logger: program.logger)
        let noting = Wakeup()
        let sending = Wakeup()
        self.sending = sending
        ledger = CallbackLedger(
            pool: pool,
            agentURL: settings.common.discovery.agentURL + CallbackLedger.agentPath,
            wakeup: noting,
            logger: program.logger,
            noted: { sending.signal() }
        )
        sender = CallbackSender(
            pool: pool,
            rules: CallbackSender.Rules(
                backoff: settings.callbackBackoff,
                attempts: settings.callbackAttempts,
                lease: callbackLease
            ),
            secret: settings.common.access.signingSecret,
            directory: directory,
            trusted: Client(ClientSettings(name: "agent callbacks"), logger: program.logger, metrics: program.metrics),
            guarded: Client(
                ClientSettings(
                    name: "callbacks",
                    addressGuard: settings.allowsPrivateCallbacks ? .any : .publicOnly
                ),
                logger: program.logger,
                metrics: program.metrics
            ),
            wakeup: sending,
            metrics: metrics,
            logger: program.logger
        )
        feed = EventFeed(pool: pool, broker: settings.common.broker, logger: program.logger, metrics: program.metrics) {
            if case .events(let events) = $0, events.contains(where: \.isFinal) { noting.signal() }
            try await hub.take($0)
        }
        tickets = TicketStore(pool: pool)
        var limits = limits
        // Who has been sent away needs time to say goodbye before the rest is cut.
        limits.drainWindow = max(.zero, min(limits.drainWindow, program.grace - limits.closeTimeout - .seconds(1)))
        around = Session.Surroundings(
            hub: hub,
            recovery: Recovery(
                hub: hub,
                replays: Replays(EventLogReader(pool), limit: 1000, metrics: metrics),
                snapshots: Snapshots(pool, metrics: metrics),
                metrics: metrics
            ),
            access: ContextAccess(pool: pool),
            authenticator: authenticator,
            metrics: metrics,
            logger: program.logger,
            limits: limits
        )
    }

    /// The services inside, in order of dependency.
    var services: [any Service] { [feed, presence, ledger, sender] }

    /// The parts that `/health` tells of, beside the database.
    var checks: [HealthCheck] {
        [
            .broker { [feed] in feed.brokerState ?? .connecting },
            .soft("event_feed") { [feed] in
                let condition = feed.condition
                return HealthResult(condition == .following ? .healthy : .degraded, condition.rawValue)
            },
        ]
    }

    /// Adds the routes.
    func addRoutes(to api: inout API) {
        SocketRoutes(around: around, tickets: tickets).add(to: &api)
        tickets.add(to: &api)
        StreamRoutes(hub: hub, recovery: around.recovery, access: around.access).add(to: &api)
        presence.add(to: &api, access: around.access)
        CallbackRoutes(pool: pool, wakeup: sending).add(to: &api)
    }
}
