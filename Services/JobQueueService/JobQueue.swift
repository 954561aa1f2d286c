import Concurrency
import Contracts
import Cron
import Edge
import HTTPServer
import Kernel
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Store
import Telemetry

/// The job queue, composed: what `Main` runs and what tests run inside of them.
///
/// ```
///   POST /api/jobs ─▶ Intake ─▶ jobs, ready, event log ─▶ Relay ─▶ RabbitMQ
///                                  │        ▲
///                ReadyBell wakes   ▼        │ start, complete, fail … (fenced)
///                     Dispatcher ─ leases ──┤
///                       ▲      ▲            │
///          ProviderWorker    worker API     └── Rescuer, Scheduler, Timekeeper: when nobody says anything
/// ```
struct JobQueue: Sendable {
    let pool: Pool
    /// For statements whose plans are to be kept.
    private let verbs: Pool
    let bell = ReadyBell()
    let lanes: Lanes
    let floors: FloorKeeper
    let intake: Intake
    let dispatcher: Dispatcher
    let results: ResultStore
    private let settings: JobQueueSettings
    private let providers: [(name: String, provider: any Provider)]
    private let kinds: KindRegistry
    private let announcer: EventAnnouncer
    private let relayWakeup = Wakeup()
    private let scheduleWakeup = Wakeup()
    private let dependencyWakeup = Wakeup()
    private let lookoutWakeup = Wakeup()
    /// Tells our own notices from those of other replicas.
    private let instance = "\(IdentifierSource().uuid())"
    private let timekeeperWakeup = Wakeup()
    private let laneWakeup = Wakeup()
    private let budgets: RetryBudgets
    private let zones = ZoneDatabase()
    private let time: DatabaseClock
    private let program: Program.Environment
    private let tracer: Tracer

    init(
        _ settings: JobQueueSettings,
        pool: Pool,
        verbs: Pool? = nil,
        providers: [(name: String, provider: any Provider)],
        tracer: Tracer? = nil,
        _ program: Program.Environment
    ) throws {
        self.settings = settings
        self.pool = pool
        self.verbs = verbs ?? pool
        self.providers = providers
        self.program = program
        self.tracer = tracer ?? Tracer(capacity: 0, metrics: program.metrics)
        kinds = KindRegistry(providers.flatMap(\.provider.kinds))
        results = try ResultStore(folder: settings.resultsFolder, maximumBytes: settings.maximumResultBytes, pool: pool)
        time = DatabaseClock(pool: pool, logger: program.logger)
        announcer = EventAnnouncer(pool: pool, sender: instance, logger: program.logger)
        let changed: @Sendable () -> Void = { [announcer, relayWakeup] in
            relayWakeup.signal()
            announcer.eventsAppended()
        }
        lanes = Lanes(pool: pool, clock: time.clock)
        floors = FloorKeeper(pool: self.verbs)
        intake = Intake(pool: pool, kinds: kinds, clock: time.clock, mayBeLimited: lanes.mayHold) {
            [bell, lanes, laneWakeup, scheduleWakeup, dependencyWakeup] jobs in
            changed()
            if lanes.note(stored: jobs) { laneWakeup.signal() }
            bell.ring(jobs.filter { $0.status == .queued }.map(\.kind))
            if jobs.contains(where: { $0.status == .scheduled }) { scheduleWakeup.signal() }
            if jobs.contains(where: { $0.status == .blocked }) { dependencyWakeup.signal() }
        }
        budgets = RetryBudgets(pool: pool, budget: settings.retries.budget)
        dispatcher = Dispatcher(
            pool: self.verbs,
            bell: bell,
            lanes: lanes,
            floors: floors,
            lease: settings.lease,
            retries: settings.retries,
            budgets: budgets,
            changed: changed,
            dependentsMayGo: dependencyWakeup.signal,
            lookAround: lookoutWakeup.signal
        )
    }

    /// To be called after events were appended.
    var changed: @Sendable () -> Void {
        { [announcer, relayWakeup] in
            relayWakeup.signal()
            announcer.eventsAppended()
        }
    }

    /// To be called after jobs were ended from outside of their leases.
    var ended: @Sendable () -> Void {
        { [changed, dependencyWakeup] in
            changed()
            dependencyWakeup.signal()
        }
    }

    /// To be called after a queue was changed.
    private var queueChanged: @Sendable () -> Void {
        { [laneWakeup, lookoutWakeup] in
            laneWakeup.signal()
            lookoutWakeup.signal()
        }
    }

    /// The services inside, in order of dependency.
    func services(publisher: Publisher?) -> [any Service] {
        var services: [any Service] = [announcer, time, intake, dispatcher]
        if let publisher {
            services.append(
                Relay(
                    pool: pool,
                    publisher: publisher,
                    wakeup: relayWakeup,
                    logger: program.logger,
                    metrics: program.metrics
                )
            )
        }
        services +=
            Rescuer(
                pool: pool,
                bell: bell,
                retries: settings.retries,
                logger: program.logger,
                changed: ended
            )
            .duties
        services +=
            Scheduler(
                pool: pool,
                bell: bell,
                logger: program.logger,
                changed: ended,
                wakeup: scheduleWakeup
            )
            .duties
        services.append(
            DependencyResolver(
                pool: pool,
                bell: bell,
                logger: program.logger,
                changed: changed,
                wakeup: dependencyWakeup
            )
            .duty
        )
        services.append(
            Timekeeper(
                pool: pool,
                intake: intake,
                zones: zones,
                clock: time.clock,
                logger: program.logger,
                metrics: program.metrics,
                wakeup: timekeeperWakeup
            )
            .duty
        )
        services +=
            LaneKeeper(
                pool: pool,
                lanes: lanes,
                logger: program.logger,
                wakeup: laneWakeup,
                lookAround: lookoutWakeup.signal
            )
            .duties
        services.append(budgets.duty(logger: program.logger))
        services.append(LogKeeper(pool: pool, retentionDays: settings.eventRetentionDays, logger: program.logger))
        services += insights
        services.append(
            AppendedEvents(
                settings.common.pool,
                logger: program.logger,
                metrics: program.metrics,
                others: [
                    ScheduleStatements.channel: { [timekeeperWakeup] in timekeeperWakeup.signal() },
                    QueueStatements.channel: queueChanged,
                ]
            ) { [instance, lookoutWakeup, relayWakeup] sender in
                guard sender != instance else { return }
                relayWakeup.signal()
                // Only who stores jobs can have made one due.
                if sender != EventAnnouncer.agent { lookoutWakeup.signal() }
            }
        )
        services.append(floors.duty(logger: program.logger))
        services.append(
            Lookout(pool: verbs, bell: bell, floors: floors, logger: program.logger, wakeup: lookoutWakeup).duty
        )
        for (name, provider) in providers {
            services.append(
                ProviderWorker(
                    provider,
                    name: name,
                    pool: pool,
                    dispatcher: dispatcher,
                    results: results,
                    heartbeat: settings.heartbeat,
                    tracer: tracer,
                    logger: program.logger
                )
            )
        }
        return services
    }

    /// What watches and cleans up.
    private var insights: [any Service] {
        [
            JobCounter(pool: pool, eventRetentionDays: settings.eventRetentionDays, logger: program.logger),
            JobRemover(
                pool: pool,
                results: results,
                defaults: settings.retention,
                logger: program.logger,
                metrics: program.metrics
            ),
            Auditor(
                pool: pool,
                keptDays: settings.eventRetentionDays,
                logger: program.logger,
                metrics: program.metrics
            ),
        ]
    }

    /// Adds the routes.
    func addRoutes(to api: inout API) {
        JobRoutes(pool: pool, intake: intake, kinds: kinds).add(to: &api)
        JobActionRoutes(pool: pool, intake: intake, bell: bell, changed: changed, ended: ended).add(to: &api)
        ScheduleRoutes(
            pool: pool,
            intake: intake,
            zones: zones,
            clock: time.clock,
            edited: { [timekeeperWakeup] in timekeeperWakeup.signal() },
            fired: { [changed, lookoutWakeup, scheduleWakeup] in
                changed()
                lookoutWakeup.signal()
                scheduleWakeup.signal()
            }
        )
        .add(to: &api)
        QueueRoutes(pool: pool, changed: queueChanged).add(to: &api)
        WorkerRoutes(pool: pool, dispatcher: dispatcher, intake: intake, heartbeat: settings.heartbeat).add(to: &api)
        ResultRoutes(pool: pool, results: results, maximumBytes: settings.maximumResultBytes).add(to: &api)
        StatsRoutes(pool: pool).add(to: &api)
        AuditRoutes(pool: pool, keptDays: settings.eventRetentionDays).add(to: &api)
        ReasonRoutes(pool: pool).add(to: &api)
        RetentionRoutes(pool: pool, defaults: settings.retention).add(to: &api)
        WebhookRoutes(providers.compactMap { $0.provider as? HTTPProvider }).add(to: &api)
    }
}
