import Contracts
import JSON
import Postgres

/// What an assistant should know of a card, read at one moment.
struct CardMemory: Sendable {
    let project: Project
    let activity: Activity
    let card: Card
    let assets: [Asset]
    let recentJobs: [JobView]

    /// Reads the memory of a card; `nil` when it is not there or not to be seen.
    static func read(_ id: CardID, limit: ProjectID?, in pool: Pool) async throws -> CardMemory? {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            guard let row = try transaction.query(CardStatements.find(id, limit: limit)).first else { return nil }
            let card = try Card(row)
            let results = try transaction.query([
                ProjectStatements.find(card.projectID, limit: limit),
                ActivityStatements.find(card.activityID, limit: limit),
                AssetStatements.list(
                    AssetFilter(project: card.projectID, card: id),
                    before: nil,
                    limit: ProjectMemory.Limit.assets
                ),
                JobViewStatements.ofCard(id, before: nil, limit: ProjectMemory.Limit.jobs),
            ])
            guard let project = results[0].first, let activity = results[1].first else { return nil }
            return CardMemory(
                project: try Project(project),
                activity: try Activity(activity),
                card: card,
                assets: try results[2].map(Asset.init),
                recentJobs: try results[3].map(JobView.init)
            )
        }
    }
}

extension CardMemory: JSONWritable {
    /// Writes the memory as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("project", project)
            $0.member("activity", activity)
            $0.member("card", card)
            $0.member("assets", assets)
            $0.member("recent_jobs", recentJobs)
        }
    }
}
