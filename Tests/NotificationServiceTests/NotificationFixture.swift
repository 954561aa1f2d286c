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
import Settings
import Store
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// A whole notification service inside the test, with a database, a virtual host and a relay of its own.
struct NotificationFixture: Sendable {
    let pool: Pool
    let notification: NotificationService.Notification
    let directory: ServiceDirectory
    let metrics: Metrics
    let port: UInt16
    let wakeup: Wakeup
    let brokerURL: String
    let client: Client
    /// Ends the service under test alone.
    let stop: StopSignal

    /// What a test may change.
    struct Options: Sendable {
        var limits = SessionLimits()
        var hub = Hub.Limits()
        var environment: [String: String] = [:]
        var usesBroker = true
        var verifier: TokenVerifier?
        /// How long keys are remembered.
        var memory: Duration = .zero
    }

    /// Runs `body` with a service that has begun to follow the log.
    static func run(
        _ options: Options = Options(),
        _ body: @escaping @Sendable (NotificationFixture) async throws -> Void
    ) async throws {
        let broker = try await TestRabbitMQ.shared()
        let brokerURL = try await broker.makeVirtualHost("notification")
        try await TestPostgres.withDatabase { database in
            let metrics = Metrics()
            let pool = Pool(database.settings, logger: .silent, metrics: metrics)
            try await Schema.migrate(pool, logger: .silent)
            let publisher = Publisher(
                try BrokerAddress(url: brokerURL),
                topology: Relay.topology,
                settings: ConnectionSettings(name: "relay"),
                logger: .silent,
                metrics: metrics
            )
            let wakeup = Wakeup()
            let relay = Relay(pool: pool, publisher: publisher, wakeup: wakeup, logger: .silent, metrics: metrics)
            let relayStop = StopSignal()
            let relaying = Task {
                try await ServiceGroup(
                    options.usesBroker ? [PublisherService(publisher), relay] : [],
                    grace: .seconds(5),
                    logger: .silent
                )
                .run(until: relayStop)
            }
            let url = options.usesBroker ? brokerURL : "amqp://guest:guest@127.0.0.1:1/%2f"
            let result = await Task {
                try await serve(database, url, pool, wakeup, metrics, options, body)
            }
            .result
            relayStop.raise()
            try await relaying.value
            await pool.close()
            try result.get()
        }
        try await broker.removeVirtualHost(brokerURL)
    }

    private static func serve(
        _ database: TestPostgres.Database,
        _ brokerURL: String,
        _ pool: Pool,
        _ wakeup: Wakeup,
        _ metrics: Metrics,
        _ options: Options,
        _ body: @escaping @Sendable (NotificationFixture) async throws -> Void
    ) async throws {
        var reader = SettingsReader(
            environment: ["DATABASE_URL": database.url, "BROKER_URL": brokerURL]
                .merging(options.environment) { $1 }
        )
        let settings = NotificationSettings(&reader)
        try #require(reader.problems == [])
        let program = Program.Environment(logger: .silent, metrics: metrics, grace: .seconds(10))
        let authenticator = Authenticator(
            keys: APIKeyStore(pool),
            tokens: options.verifier,
            developmentToken: Secret("dev-token"),
            memory: options.memory
        )
        let directory = ServiceDirectory(settings.common.discovery)
        let notification = NotificationService.Notification(
            settings,
            pool: pool,
            authenticator: authenticator,
            directory: directory,
            limits: options.limits,
            hubLimits: options.hub,
            program
        )
        var api = API(
            name: "notification",
            authenticator: authenticator,
            limiter: RateLimiter(rate: 0, burst: 1),
            logger: .silent,
            metrics: metrics
        )
        notification.addRoutes(to: &api)
        api.addKeys(APIKeyStore(pool))
        api.addOperations(
            health: HealthChecks([.database(pool)] + notification.checks, memory: .zero),
            metrics: metrics
        )
        var serverSettings = ServerSettings(port: 0, loops: 2)
        serverSettings.tick = .milliseconds(20)
        let server = Server(settings: serverSettings, router: api.router, logger: .silent, metrics: metrics)
        let bound = Promise<BoundAddress>()
        let http = HTTPService(server, grace: .seconds(5)) { bound.succeed($0) }
        let stop = StopSignal()
        let services = notification.services + [http]
        let running = Task {
            try await ServiceGroup(services, grace: .seconds(10), logger: .silent).run(until: stop)
        }
        let address = try await bound.value()
        let client = Client(logger: .silent, metrics: metrics)
        let fixture = NotificationFixture(
            pool: pool,
            notification: notification,
            directory: directory,
            metrics: metrics,
            port: address.port,
            wakeup: wakeup,
            brokerURL: brokerURL,
            client: client,
            stop: stop
        )
        let result = await Task {
            let wanted: EventFeed.Condition = options.usesBroker ? .following : .readingLog
            while notification.feed.condition != wanted || notification.hub.head == nil { await Task.yield() }
            try await body(fixture)
        }
        .result
        stop.raise()
        let ending = await running.result
        await client.shutdown()
        try result.get()
        try ending.get()
    }

    // MARK: Clients

    /// A WebSocket that has authenticated.
    func socket(
        _ path: String = "/ws",
        token: String = "dev-token",
        receiveBuffer: Int32? = nil
    ) async throws -> SocketClient {
        let socket = try SocketClient.connect(port, receiveBuffer: receiveBuffer)
        let status = try await socket.upgrade(path, headers: ["Authorization: Bearer \(token)"])
        try #require(status == 101)
        return socket
    }

    /// An HTTP request with the development token.
    func send(_ method: String, _ path: String, token: String = "dev-token") async throws -> (
        status: Int, json: JSONElement
    ) {
        let response = try await client.send(
            ClientRequest(
                method,
                "http://127.0.0.1:\(port)\(path)",
                headers: [("Authorization", "Bearer \(token)")],
                timeouts: .init(total: .seconds(40))
            )
        )
        return (response.status, response.body.isEmpty ? .null : try JSONDocument(parsing: response.body).root)
    }

    /// The token of a new API key.
    func key(_ scopes: Set<Scope>, project: ProjectID? = nil, lifetime: Duration? = nil) async throws -> String {
        try await APIKeyStore(pool).create(name: "test", scopes: scopes, project: project, lifetime: lifetime).token
            .reveal()
    }

    // MARK: Jobs

    /// Stores a queued job with its first event.
    @discardableResult
    func job(card: CardID? = nil, project: ProjectID? = nil, callback: String? = nil, tells: Bool = true) async throws
        -> JobID
    {
        let id: JobID = IdentifierSource().next()
        _ = try await pool.execute(
            """
            WITH changed AS (
                INSERT INTO jobs.jobs AS job (id, project_id, card_id, kind, queue, status, phase, seq, max_attempts,
                    priority, run_at, timeout_ms, params, metadata, tags, submitted_by, created_at, callback_url)
                VALUES (\(id), \(project), \(card), 'generate', 'default', 'queued', 'waiting', 1, 3, 0, now(), 1000,
                    '{}', '{}', '{}', 'test', now(), \(callback))
                RETURNING job
            )
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
            """
        )
        if tells { wakeup.signal() }
        return id
    }

    /// Changes jobs' status, with their events.
    func change(_ ids: [JobID], to status: JobStatus, tells: Bool = true) async throws {
        _ = try await pool.execute(
            """
            WITH changed AS (
                UPDATE jobs.jobs AS job
                SET status = \(status.rawValue), phase = \(status.isFinal ? "finished" : "running"), seq = job.seq + 1,
                    completed_at = CASE WHEN \(status.isFinal) THEN now() END
                WHERE job.id = ANY(\(ids))
                RETURNING job
            )
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
            """
        )
        if tells { wakeup.signal() }
    }
}
