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
///   event log ─────┴─▶ CallbackLedger (one leader) ─▶ notify.callbacks ─▶ CallbackSenders ─▶ agent, callback_url
/// ```
struct Notification: Sendable {
    let hub: Hub
    let feed: EventFeed
    private let around: Session.Surroundings
    private let tickets: TicketStore
    private let traces: TraceStore
    private let origins: OriginList
    /// Who is connected.
    let attendance: Attendance
    private let revocations: RevocationWatch
    let pool: Pool
    private let presence: Presence
    private let ledger: CallbackLedger
    private let senders: [CallbackSender]

    init(
        _ settings: NotificationSettings,
        pool: Pool,
        callbackPool: Pool? = nil,
        authenticator: Authenticator,
        directory: ServiceDirectory,
        limits: SessionLimits = SessionLimits(),
        hubLimits: Hub.Limits = Hub.Limits(),
        callbackLease: Duration = .seconds(30),
        _ program: Program.Environment
    ) {
        let metrics = NotificationMetrics(program.metrics)
        let traces = TraceStore(metrics: program.metrics)
        self.traces = traces
        let hub = Hub(limits: hubLimits, softLimit: limits.softBytes, metrics: metrics) { traces.measure($0) }
        self.hub = hub
        self.pool = pool
        presence = Presence(hub: hub, pool: pool, logger: program.logger)
        let noting = Wakeup()
        let callbackPool = callbackPool ?? pool
        senders = Callback.Target.allCases.map { target in
            Notification.sender(for: target, settings, callbackPool, directory, callbackLease, metrics, program)
        }
        let wakeups = senders.map(\.wakeup)
        ledger = CallbackLedger(
            pool: callbackPool,
            agentURL: settings.common.discovery.agentURL + CallbackLedger.agentPath,
            wakeup: noting,
            logger: program.logger,
            noted: { for wakeup in wakeups { wakeup.signal() } }
        )
        feed = EventFeed(pool: pool, broker: settings.common.broker, logger: program.logger, metrics: program.metrics) {
            guard case .events(let events) = $0 else { return try await hub.take($0) }
            if events.contains(where: \.isFinal) { noting.signal() }
            // Before anybody can have got one and ask for it.
            traces.remember(events)
            try await hub.take($0)
        }
        tickets = TicketStore(pool: pool)
        var limits = limits
        // Who has been sent away needs time to say goodbye before the rest is cut.
        limits.drainWindow = max(.zero, min(limits.drainWindow, program.grace - limits.closeTimeout - .seconds(1)))
        origins = settings.origins
        attendance = Attendance(perPrincipal: settings.connectionsPerUser)
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
            attendance: attendance,
            metrics: metrics,
            logger: program.logger,
            limits: limits
        )
        revocations = RevocationWatch(
            attendance: attendance,
            keys: APIKeyStore(pool),
            authenticator: authenticator,
            logger: program.logger
        )
    }

    private static func sender(
        for target: Callback.Target,
        _ settings: NotificationSettings,
        _ pool: Pool,
        _ directory: ServiceDirectory,
        _ lease: Duration,
        _ metrics: NotificationMetrics,
        _ program: Program.Environment
    ) -> CallbackSender {
        let isAgent = target == .agent
        let reach: AddressGuard = isAgent || settings.allowsPrivateCallbacks ? .any : .publicOnly
        let lanes =
            isAgent
            ? CallbackLanes.Rules(atOnce: settings.callbacksToAgent, perLane: settings.callbacksToAgent)
            : CallbackLanes.Rules(atOnce: settings.callbacksToHosts, perLane: settings.callbacksToHost)
        return CallbackSender(
            for: target,
            pool: pool,
            rules: CallbackSender.Rules(
                backoff: settings.callbackBackoff,
                lanes: lanes,
                lease: lease,
                patience: settings.callbackPatience
            ),
            post: CallbackPost(
                secret: settings.common.access.signingSecret,
                directory: directory,
                client: Client(
                    ClientSettings(name: isAgent ? "agent callbacks" : "callbacks", addressGuard: reach),
                    logger: program.logger,
                    metrics: program.metrics
                ),
                timeout: .seconds(10)
            ),
            wakeup: Wakeup(),
            metrics: metrics,
            logger: program.logger
        )
    }

    /// The services inside, in order of dependency.
    var services: [any Service] { [feed, presence, ledger, revocations] + senders }

    /// The parts that `/health` tells of, beside the database.
    var checks: [HealthCheck] {
        [
            .broker { [feed] in feed.brokerState ?? .connecting },
            .soft("event_feed") { [feed] in
                let condition = feed.condition
                return HealthResult(condition == .following ? .healthy : .degraded, condition.rawValue)
            },
            .soft("callbacks") { [senders] in
                var shut: [CallbackLanes.View] = []
                for sender in senders { shut += await sender.views.filter(\.isShut) }
                // Only the agent is ours. What users named is theirs to mend.
                let isAgent = shut.contains { $0.lane == CallbackLanes.agent }
                let hosts = shut.count - (isAgent ? 1 : 0)
                let words = (isAgent ? ["the agent"] : []) + (hosts > 0 ? ["hosts of callback URLs: \(hosts)"] : [])
                return HealthResult(
                    isAgent ? .degraded : .healthy,
                    words.isEmpty ? nil : "not answering: \(words.joined(separator: ", "))"
                )
            },
        ]
    }

    /// Adds the routes.
    func addRoutes(to api: inout API) {
        SocketRoutes(around: around, tickets: tickets, origins: origins).add(to: &api)
        tickets.add(to: &api)
        presence.add(to: &api, access: around.access)
        StreamRoutes(
            hub: hub,
            recovery: around.recovery,
            access: around.access,
            attendance: around.attendance
        )
        .add(to: &api)
        AsyncAPIPage().add(to: &api)
        TraceRoutes(pool: pool, traces: traces).add(to: &api)
        CallbackRoutes(pool: pool, senders: senders).add(to: &api)
    }
}
