import Contracts
import JSON
import Postgres

/// What an assistant should know of a project, read at one moment.
struct ProjectMemory: Sendable {
    /// The most of each that is shown; `counts` tells how many there are.
    enum Limit {
        static let activities = 100
        static let cards = 1_000
        static let assets = 100
        static let jobs = 50
    }

    /// How many there are.
    struct Counts: Sendable {
        let activities: Int
        let cards: Int
        let approvedAssets: Int
        let jobs: Int
    }

    let project: Project
    let counts: Counts
    let activities: [ActivityWithCards<CardOverview>]
    let approvedAssets: [Asset]
    let recentJobs: [JobView]

    /// Reads the memory of a project; `nil` when it is not there or not to be seen.
    static func read(_ id: ProjectID, limit: ProjectID?, in pool: Pool) async throws -> ProjectMemory? {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let results = try transaction.query([
                ProjectStatements.find(id, limit: limit),
                MemoryStatements.counts(id),
                ActivityStatements.list(in: id, after: nil, limit: Limit.activities),
                MemoryStatements.cards(id, activities: Limit.activities, limit: Limit.cards),
                AssetStatements.list(
                    AssetFilter(project: id, isApproved: true),
                    before: nil,
                    limit: Limit.assets
                ),
                JobViewStatements.ofProject(id, limit: Limit.jobs),
            ])
            guard let row = results[0].first, let counts = results[1].first else { return nil }
            let cards = Dictionary(grouping: try results[3].map(CardOverview.init), by: \.activityID)
            return ProjectMemory(
                project: try Project(row),
                counts: try Counts(counts),
                activities: try results[2].map(Activity.init)
                    .map { ActivityWithCards(activity: $0, cards: cards[$0.id] ?? []) },
                approvedAssets: try results[4].map(Asset.init),
                recentJobs: try results[5].map(JobView.init)
            )
        }
    }
}

extension ProjectMemory.Counts {
    init(_ row: Row) throws {
        var reader = row.reader
        activities = try reader.next()
        cards = try reader.next()
        approvedAssets = try reader.next()
        jobs = try reader.next()
    }
}

extension ProjectMemory: JSONWritable {
    /// Writes the memory as an object.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("project", project)
            json.member("activities", activities)
            json.member("approved_assets", approvedAssets)
            json.member("recent_jobs", recentJobs)
            json.member("counts") { json in
                json.object {
                    $0.member("activities", counts.activities)
                    $0.member("cards", counts.cards)
                    $0.member("approved_assets", counts.approvedAssets)
                    $0.member("jobs", counts.jobs)
                }
            }
        }
    }
}
