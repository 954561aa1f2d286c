import Concurrency
import Contracts
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres

/// Gives the end of a job its effect, once: a file of a completed job becomes an asset, and its card awaits review. What
/// can have no effect is only remembered, many at a time. Runs that wait for the job are woken.
struct OutcomeRecorder: Service {
    let name = "outcome recorder"

    /// What a delivery did.
    enum Effect: String, Sendable {
        /// The job's file is an asset now.
        case assetAdded = "asset_added"
        /// There was nothing to do, which is remembered.
        case none
        /// An earlier delivery has had the effect.
        case repeated
    }

    static let consumer = "job-callbacks"
    private let ids = IdentifierSource()
    private let pool: Pool
    private let memory: Batcher<JobOutcome, Effect>
    /// To be called when runs were woken that had waited for a job.
    private let runsDue: @Sendable () -> Void

    init(pool: Pool, runsDue: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.runsDue = runsDue
        memory = Batcher(maximumBatch: 500, maximumWaiting: 10_000, parallel: 1) { outcomes in
            let results = try await pool.atomically([
                Inbox.claim(outcomes.map(\.eventID), for: OutcomeRecorder.consumer),
                RunStatements.wake(forJobs: outcomes.map(\.jobID)),
            ])
            if results[1].affectedRows > 0 { runsDue() }
            var new = Set(try results[0].map { try $0.decode(0, as: String.self) })
            return outcomes.map { new.remove($0.eventID) == nil ? .repeated : .none }
        }
    }

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling { try await memory.run() }
    }

    func record(_ outcome: JobOutcome, trace: String?) async throws -> Effect {
        guard outcome.status == .completed, let card = outcome.cardID else {
            return try await memory.submit(outcome)
        }
        let (effect, woken) = try await pool.withTransaction { transaction in
            let effect = try await add(outcome, to: card, trace: trace, in: transaction)
            // With its asset, which the run may want to look at.
            return (effect, try transaction.execute(RunStatements.wake(forJobs: [outcome.jobID])))
        }
        if woken > 0 { runsDue() }
        return effect
    }

    private func add(_ outcome: JobOutcome, to cardID: CardID, trace: String?, in transaction: Transaction) async throws
        -> Effect
    {
        // Waits for a concurrent delivery of the same event, then sees that it was claimed.
        let claimed = try await transaction.execute(Inbox.claim(outcome.eventID, for: OutcomeRecorder.consumer))
        guard claimed == 1 else { return .repeated }
        guard let card = try await hold(cardID, in: transaction) else { return .none }
        let facts = try await transaction.query(JobViewStatements.result(of: outcome.jobID)).first
        let url: String? = try outcome.resultURL ?? facts?.decode(0)
        guard let url else { return .none }
        let result: RawJSON? = try facts?.decode(1)
        let insert = AssetStatements.insert(
            ids.next(),
            project: card.projectID,
            card: card.id,
            job: outcome.jobID,
            url: url,
            facts: AssetFacts(result: try result.map { try JSONDocument(parsing: $0.bytes).root }, url: url)
        )
        guard let row = try await transaction.query(insert).first else { return .repeated }
        let asset: AssetID = try row.decode(0)
        try await transaction.execute(CardStatements.noteAsset(asset, of: card, trace: trace))
        return .assetAdded
    }

    /// The card, kept from change until the end, unless it was deleted. The project is held first: who deletes it
    /// locks it before what is below.
    private func hold(_ id: CardID, in transaction: Transaction) async throws -> Card? {
        guard let seen = try await transaction.query(CardStatements.find(id, limit: nil)).first.map(Card.init) else {
            return nil
        }
        let batch = [
            ProjectStatements.hold(seen.projectID), CardStatements.lock(id), CardStatements.find(id, limit: nil),
        ]
        return try await transaction.query(batch).last?.first.map(Card.init)
    }
}
