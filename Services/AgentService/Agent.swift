import Contracts
import Edge
import HTTPClient
import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry

/// The agent service, composed: what `Main` runs and what tests run inside of them.
///
/// ```
///   projects ─ activities ─ cards ──▶ one transaction ─▶ tables, event log ─▶ EventAnnouncer
///                             │
///                  POST …/jobs└─▶ JobQueueClient ─▶ job queue
///                                                      │ completed
///   assets, approvals ◀─ OutcomeRecorder ◀─ callback ◀─┘ (by the notification service)
/// ```
struct Agent: Sendable {
    let pool: Pool
    let directory: ServiceDirectory
    let jobs: JobQueueClient
    private let settings: AgentSettings
    private let client: Client
    private let announcer: EventAnnouncer
    private let recorder: OutcomeRecorder
    private let clock: WallClock

    init(
        _ settings: AgentSettings,
        pool: Pool,
        directory: ServiceDirectory,
        client: Client,
        clock: WallClock = .system,
        _ program: Program.Environment
    ) {
        self.settings = settings
        self.pool = pool
        self.directory = directory
        self.client = client
        self.clock = clock
        announcer = EventAnnouncer(pool: pool, logger: program.logger)
        recorder = OutcomeRecorder(pool: pool)
        jobs = JobQueueClient(
            client: client,
            directory: directory,
            token: settings.jobQueueToken,
            logger: program.logger
        )
    }

    /// The services inside.
    var services: [any Service] { [announcer, recorder] }

    /// What it depends on and can go on without.
    var softChecks: [HealthCheck] {
        let jobQueue = HealthCheck.soft("job_queue") { [jobs] in
            try await jobs.isAlive()
                ? HealthResult(.healthy) : HealthResult(.degraded, "it does not answer as it should")
        }
        guard let url = settings.common.mcpServerURL else { return [jobQueue, .notConfigured("mcp_server")] }
        let mcp = HealthCheck.soft("mcp_server") { [client] in
            let timeouts = ClientRequest.Timeouts(connect: .seconds(2), total: .seconds(4))
            // Any answer but a fault: the endpoint itself may well refuse a GET.
            let status = try await client.send(ClientRequest("GET", url, timeouts: timeouts)).status
            return status < 500 ? HealthResult(.healthy) : HealthResult(.degraded, "it answers \(status)")
        }
        return [jobQueue, mcp]
    }

    /// Adds the routes.
    func addRoutes(to api: inout API) {
        let changed: @Sendable () -> Void = { [announcer] in announcer.eventsAppended() }
        ProjectRoutes(pool: pool, changed: changed).add(to: &api)
        ActivityRoutes(pool: pool, changed: changed).add(to: &api)
        CardRoutes(pool: pool, changed: changed).add(to: &api)
        CardJobRoutes(pool: pool, jobs: jobs).add(to: &api)
        AssetRoutes(pool: pool, changed: changed).add(to: &api)
        MemoryRoutes(pool: pool).add(to: &api)
        let signature = CallbackSignature(secret: settings.common.access.signingSecret, clock: clock)
        CallbackRoutes(recorder: recorder, signature: signature, changed: changed).add(to: &api)
    }
}
