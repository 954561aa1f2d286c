import Edge
import Kernel
import LanguageModels
import Lifecycle
import Postgres
import Telemetry

/// Runs of agents, composed.
///
/// ```
///   MessageRoutes ─▶ agent.runs ◀─claim─ RunExecutor ─▶ RunDriver ─ RunPlan: what is next?
///                        ▲                                  ├─ RunAsker ──▶ a model; its words by RunDeltas
///   OutcomeRecorder ─────┤ wakes                            ├─ RunCalls ──▶ a tool; or a job, which is waited for
///   RunRoutes ───────────┘                                  └─ RunDelegation ──▶ another run
///                                                                 each step: one transaction by RunLedger
/// ```
///
/// A run promises: it may be killed at any moment and goes on elsewhere, no finished step is done again, an effect
/// happens once, and what it may use up is set aside before it is used.
struct Runs: Sendable {
    let bell = RunBell()
    let listeners = RunListeners()
    let models: ModelCatalog
    private let pool: Pool
    private let ledger: RunLedger
    private let deltas: RunDeltas
    private let telemetry: RunTelemetry
    private let program: Program.Environment
    private let changed: @Sendable () -> Void

    init(
        pool: Pool,
        models: ModelCatalog,
        lease: Duration,
        tracer: Tracer?,
        _ program: Program.Environment,
        changed: @escaping @Sendable () -> Void
    ) {
        self.pool = pool
        self.models = models
        self.program = program
        self.changed = changed
        ledger = RunLedger(pool: pool, term: lease, changed: changed)
        deltas = RunDeltas(pool: pool, logger: program.logger, metrics: program.metrics, changed: changed)
        telemetry = RunTelemetry(tracer: tracer, metrics: program.metrics)
    }

    /// Why runs cannot be offered.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// Adds the routes.
    ///
    /// - Throws: `Refused` for a usual model that there is not: better now than with the first message.
    func addRoutes(to api: inout API, usualModel: String) throws {
        guard models.find(usualModel) != nil else {
            let known = models.names.joined(separator: ", ")
            throw Refused(description: "AGENT_MODEL names \(usualModel), which is not one of \(known)")
        }
        MessageRoutes(pool: pool, models: models, usualModel: usualModel, bell: bell, changed: changed).add(to: &api)
        RunRoutes(pool: pool, bell: bell, changed: changed).add(to: &api)
        RunEventRoutes(pool: pool, listeners: listeners).add(to: &api)
    }

    /// What drives runs with these tools.
    func services(
        _ toolbox: Toolbox,
        places: Int,
        context: @escaping RunContext.Source
    ) -> [any Service] {
        let calls = RunCalls(ledger: ledger, toolbox: toolbox, telemetry: telemetry)
        let driver = RunDriver(
            ledger: ledger,
            asker: RunAsker(
                ledger: ledger,
                models: models,
                calls: calls,
                context: context,
                deltas: deltas,
                telemetry: telemetry,
                logger: program.logger
            ),
            calls: calls,
            delegation: RunDelegation(ledger: ledger, calls: calls),
            authority: RunAuthority(pool),
            telemetry: telemetry
        )
        let executor = RunExecutor(
            driver,
            bell: bell,
            places: places,
            logger: program.logger,
            metrics: program.metrics
        )
        return [deltas, executor]
    }
}
