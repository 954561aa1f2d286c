import Concurrency
import Contracts
import Edge
import HTTPClient
import Kernel
import LanguageModels
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
///
///   threads ─ checkpoints, writes ─▶ ThreadIntake ─▶ one transaction for all that came together
/// ```
struct Agent: Sendable {
    let pool: Pool
    private let steady: Pool
    let directory: ServiceDirectory
    let jobs: JobQueueClient
    private let intake: ThreadIntake
    private let toolRecorder: ToolRecorder
    private let httpTools: HTTPTools
    private let remoteTools: [RemoteTools]
    private let calls = MCPCalls()
    private let watch: MCPWatch
    private let subscriptions: MCPSubscriptions
    private let feeds: [AudienceFeed]
    private let runs: Runs
    /// What drives runs; there once the routes are, which are their tools.
    private var runServices: [any Service] = []
    private let logger: Logger
    private let settings: AgentSettings
    private let client: Client
    private let announcer: EventAnnouncer
    private let recorder: OutcomeRecorder
    private let canceller: JobCanceller
    private let clock: WallClock

    init(
        _ settings: AgentSettings,
        pool: Pool,
        steady: Pool? = nil,
        directory: ServiceDirectory,
        client: Client,
        models: ModelCatalog,
        tracer: Tracer? = nil,
        clock: WallClock = .system,
        _ program: Program.Environment
    ) {
        self.settings = settings
        self.pool = pool
        self.directory = directory
        self.client = client
        self.clock = clock
        let announcer = EventAnnouncer(pool: pool, sender: EventAnnouncer.agent, logger: program.logger)
        self.announcer = announcer
        // What runs all the time, in statements of a few kinds.
        let steady = steady ?? pool
        self.steady = steady
        intake = ThreadIntake(pool: steady) { announcer.eventsAppended() }
        toolRecorder = ToolRecorder(
            pool: steady,
            keep: .seconds(86_400 * Int64(settings.toolCallRetentionDays)),
            logger: program.logger,
            metrics: program.metrics
        )
        httpTools = HTTPTools(settings.tools.httpTools, logger: program.logger, metrics: program.metrics)
        remoteTools = settings.tools.servers.map {
            RemoteTools($0, logger: program.logger, metrics: program.metrics)
        }
        logger = program.logger
        watch = MCPWatch(pool: steady, logger: program.logger)
        let subscriptions = MCPSubscriptions()
        self.subscriptions = subscriptions
        let runs = Runs(pool: pool, models: models, lease: settings.runLease, tracer: tracer, program) {
            announcer.eventsAppended()
        }
        self.runs = runs
        feeds = [("mcp feed", subscriptions as any LogAudience), ("run feed", runs.listeners)]
            .map { name, audience in
                AudienceFeed(name: name, audience: audience) {
                    EventFeed(
                        pool: pool,
                        broker: settings.common.broker,
                        logger: program.logger,
                        metrics: program.metrics
                    ) { audience.take($0) }
                }
            }
        recorder = OutcomeRecorder(pool: pool) { runs.bell.due.signal() }
        jobs = JobQueueClient(
            client: client,
            directory: directory,
            token: settings.jobQueueToken,
            logger: program.logger
        )
        canceller = JobCanceller(pool: steady, jobs: jobs, logger: program.logger)
    }

    /// The services inside.
    var services: [any Service] {
        [announcer, recorder, canceller, intake, toolRecorder, calls, watch] + feeds + remoteTools + runServices
    }

    /// What it depends on and can go on without.
    var softChecks: [HealthCheck] { neighbourChecks + remoteTools.map(\.health) }

    private var neighbourChecks: [HealthCheck] {
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
    ///
    /// - Throws: `ToolRegistry.Refused` for tools that cannot be told apart, `Runs.Refused` for a model that is not there.
    mutating func addRoutes(to api: inout API) throws {
        let changed: @Sendable () -> Void = { [announcer] in announcer.eventsAppended() }
        ProjectRoutes(pool: pool, changed: changed).add(to: &api)
        ActivityRoutes(pool: pool, changed: changed).add(to: &api)
        CardRoutes(pool: pool, changed: changed).add(to: &api)
        CardJobRoutes(pool: pool, jobs: jobs).add(to: &api)
        AssetRoutes(pool: pool, changed: changed).add(to: &api)
        MemoryRoutes(pool: pool).add(to: &api)
        NoteRoutes(pool: pool).add(to: &api)
        ContextRoutes(assembly: ContextAssembly(pool: steady)).add(to: &api)
        ThreadRoutes(pool: pool, changed: changed).add(to: &api)
        LeaseRoutes(pool: pool).add(to: &api)
        CheckpointRoutes(pool: pool, intake: intake).add(to: &api)
        PruneRoutes(pool: pool, changed: changed).add(to: &api)
        try runs.addRoutes(to: &api, usualModel: settings.usualModel)
        let routes = RouteTools(api).tools
        try addMCP(to: &api, routes)
        let toolbox = try toolbox(routes)
        ToolRoutes(pool: pool, toolbox: toolbox).add(to: &api)
        runServices = runs.services(toolbox, places: settings.runConcurrency, context: RunContext.source(pool))
        let signature = CallbackSignature(secret: settings.common.access.signingSecret, clock: clock)
        CallbackRoutes(recorder: recorder, signature: signature, changed: changed).add(to: &api)
    }

    /// What runs may call: our routes, and the tools of others.
    private func toolbox(_ routes: [Tool]) throws -> Toolbox {
        guard !httpTools.tools.contains(where: { $0.name == DelegateTool.name }) else {
            throw ToolRegistry.Refused(description: "the tool \(DelegateTool.name) is there already")
        }
        let registry = try ToolRegistry(routes + httpTools.tools, recorder: toolRecorder, logger: logger)
        return Toolbox(registry, sources: remoteTools)
    }

    /// Adds the endpoint for models. Its tools are the routes that are there: whoever wants those of others asks them.
    private func addMCP(to api: inout API, _ routes: [Tool]) throws {
        let fixtures = try settings.mcp.hasFixtures ? MCPFixtures(subscriptions) : nil
        let resources = MCPResources(api: api)
        let tasks = MCPTasks(pool: pool, jobs: jobs)
        let streams = MCPStreams(pool: steady, watch: watch)
        let tools = routes.map(settings.mcp.confirmation.applied) + (fixtures?.tools ?? [])
        let methods = MCPMethods(
            registry: try ToolRegistry(tools, recorder: toolRecorder, logger: logger),
            resources: resources,
            tasks: tasks,
            asking: MCPAsking(
                seal: MCPSeal(secret: settings.common.access.signingSecret, clock: clock),
                streams: streams
            ),
            fixtures: fixtures
        )
        let dispatch = MCPDispatch(
            methods: methods,
            listening: MCPListening(
                resources: resources,
                subscriptions: subscriptions,
                tasks: tasks,
                hasFixtures: fixtures != nil
            ),
            calls: calls,
            logger: logger
        )
        let sessions = MCPSessions(pool: steady)
        let endpoint = MCPEndpoint(
            guardian: MCPGuard(settings: settings.mcp) { [api] request in try await api.authenticate(request) },
            modern: MCPModern(dispatch: dispatch),
            legacy: MCPLegacy(
                dispatch: dispatch,
                sessions: sessions,
                streams: streams,
                own: MCPSessionStream(sessions: sessions, subscriptions: subscriptions, watch: watch)
            ),
            logger: logger
        )
        endpoint.add(to: &api)
    }
}
