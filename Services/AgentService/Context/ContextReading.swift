import Contracts
import Kernel
import Postgres

/// What there is to tell of a project, read at one moment.
struct ContextReading: Sendable {
    /// The most of each that is looked at. Beyond these are only older ones.
    enum Limit {
        static let notes = 300
        static let activities = ProjectMemory.Limit.activities
        static let cards = ProjectMemory.Limit.cards
        static let assets = ProjectMemory.Limit.assets
        static let jobs = ProjectMemory.Limit.jobs
        /// Of the card in hand, besides.
        static let ofCard = 20
        /// How many beyond the limits are counted.
        static let counted = 1_000
    }

    /// How many there are of each kind.
    struct Extent: Sendable {
        let activities: Int
        let cards: Int
        let assets: Int
        let jobs: Int
    }

    let readAt: Timestamp
    let project: Project
    let notes: [Note]
    let activities: [Activity]
    let cards: [CardOverview]
    /// The card in hand.
    let card: Card?
    /// Newest first: those of the card in hand, and approved ones of the project.
    let assets: [Asset]
    /// Newest first: those of the card in hand, and the project's.
    let jobs: [JobView]
    /// How many there are beyond the limits; 1,000 stands for as many or more.
    let unread: [(kind: ContextPart.Kind, count: Int)]

    /// Reads; `nil` for a request that names neither a project nor a card.
    static func read(_ request: ContextRequest, in pool: Pool) async throws -> ContextReading? {
        guard request.project != nil || request.card != nil else { return nil }
        return try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let card = try request.card.map { id in
                try transaction.first(CardStatements.find(id, limit: request.limit), Card.init, orMissing: "CARD")
            }
            guard let id = request.project ?? card?.projectID else { return nil }
            let results = try transaction.query(statements(id, card, limit: request.limit))
            // Told apart only here, so that a foreign card does not betray that it is there.
            guard let row = results[0].first, let extent = results[1].first else {
                throw ServiceError.notFound("PROJECT")
            }
            guard card == nil || card?.projectID == id else { throw ServiceError.notFound("CARD") }
            return try ContextReading(project: Project(row), card: card, extent, results)
        }
    }

    /// What is read, in this order; the last two of a card in hand only. None of it takes longer the more there is.
    static func statements(_ project: ProjectID, _ card: Card?, limit: ProjectID?) -> [SQL] {
        let own: [SQL] =
            card.map {
                let assets = AssetFilter(project: project, card: $0.id)
                return [
                    AssetStatements.list(assets, before: nil, limit: Limit.ofCard),
                    JobViewStatements.ofCard($0.id, before: nil, limit: Limit.ofCard),
                ]
            } ?? []
        return [
            ProjectStatements.find(project, limit: limit),
            ContextStatements.extent(
                of: project,
                atMost: Extent(
                    activities: Limit.activities + Limit.counted,
                    cards: Limit.cards + Limit.counted,
                    assets: Limit.assets + Limit.counted,
                    jobs: Limit.jobs + Limit.counted
                )
            ),
            NoteStatements.forContext(of: project, limit: Limit.notes),
            ActivityStatements.list(in: project, after: nil, limit: Limit.activities),
            MemoryStatements.cards(project, activities: Limit.activities, limit: Limit.cards),
            AssetStatements.list(AssetFilter(project: project, isApproved: true), before: nil, limit: Limit.assets),
            JobViewStatements.ofProject(project, limit: Limit.jobs),
        ] + own
    }

    private init(project: Project, card: Card?, _ extent: Row, _ results: [Rows]) throws {
        self.project = project
        self.card = card
        notes = try results[2].map(Note.init)
        activities = try results[3].map(Activity.init)
        cards = try results[4].map(CardOverview.init)
        let approved = try results[5].map(Asset.init)
        let recent = try results[6].map(JobView.init)
        let ownAssets = card == nil ? [] : try results[7].map(Asset.init)
        let ownJobs = card == nil ? [] : try results[8].map(JobView.init)
        assets = (approved + ownAssets.filter { own in !approved.contains { $0.id == own.id } })
            .sorted { $0.id > $1.id }
        jobs = (recent + ownJobs.filter { own in !recent.contains { $0.id == own.id } }).sorted { $0.id > $1.id }
        var reader = extent.reader
        readAt = try reader.next()
        unread = [
            (.activity, try reader.next() - activities.count), (.card, try reader.next() - cards.count),
            (.asset, try reader.next() - approved.count), (.job, try reader.next() - recent.count),
        ]
        .filter { $0.count > 0 }
    }
}
