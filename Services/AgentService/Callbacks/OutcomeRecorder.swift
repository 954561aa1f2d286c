import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// Gives the end of a job its effect, once: a file of a completed job becomes an asset, and its card awaits review.
struct OutcomeRecorder: Sendable {
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
    let ids = IdentifierSource()

    func record(_ outcome: JobOutcome, trace: String?, in transaction: Transaction) async throws -> Effect {
        // Waits for a concurrent delivery of the same event, then sees that it was claimed.
        let claimed = try await transaction.execute(Inbox.claim(outcome.eventID, for: OutcomeRecorder.consumer))
        guard claimed == 1 else { return .repeated }
        guard outcome.status == .completed, let cardID = outcome.cardID,
            let card = try await hold(cardID, in: transaction)
        else { return .none }
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
