import Contracts
import JSON
import Kernel
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// Plans every statement of the agent service.
@Suite(.timeLimit(.minutes(1))) struct StatementTests {
    @Test func `every statement can be planned`() async throws {
        let defects = try await StatementCatalogue.defects {
            try await Schema.migrate($0, logger: .silent)
        } in: { pool in
            try await StatementTests.statements(pool)
        }
        #expect(defects == [])
    }

    static func statements(_ pool: Pool) async throws -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let (project, asset, job): (ProjectID, AssetID, JobID) = (ids.next(), ids.next(), ids.next())
        let empty = RawJSON("{}")
        let change = TextChange("a", in: try JSONDocument(parsing: #"{"a":"b"}"#).root)
        let draft = try CardDraft(JSONDocument(parsing: #"{"title":"c"}"#).root)
        // An activity and a card exist only as rows.
        let activityID: ActivityID = ids.next()
        let insertProject = ProjectStatements.insert(project, title: "", description: nil, metadata: empty)
        let insertActivity = ActivityStatements.insert(
            activityID,
            in: project,
            title: "",
            description: nil,
            taskType: "text",
            trace: nil
        )
        _ = try await pool.query(insertProject)
        _ = try await pool.query(insertActivity)
        let activity = try Activity(
            try #require(try await pool.query(ActivityStatements.find(activityID, limit: nil)).first)
        )
        let insertCard = CardStatements.insert([draft], in: activity, trace: nil)
        _ = try await pool.query(insertCard)
        let card = try Card(try #require(try await pool.query(CardStatements.find(draft.id, limit: nil)).first))
        var filter = AssetFilter(project: project)
        filter.card = card.id
        filter.isApproved = true
        let facts = AssetFacts(result: nil, url: "a")
        return [
            ("project insert", insertProject), ("project find", ProjectStatements.find(project, limit: project)),
            ("project lock", ProjectStatements.lock(project, limit: nil)),
            ("project hold", ProjectStatements.hold(project)),
            ("project list", ProjectStatements.list(before: nil, limit: nil, count: 1)),
            (
                "project update",
                ProjectStatements.update(project, title: "", description: change, metadata: empty)
            ),
            ("project delete", ProjectStatements.delete(project, trace: nil)),
            ("activity insert", insertActivity),
            ("activity find", ActivityStatements.find(activityID, limit: project)),
            ("activity lock", ActivityStatements.lock(activityID, limit: nil)),
            ("activity count", ActivityStatements.count(in: project)),
            ("activity list", ActivityStatements.list(in: project, after: activityID.uuid, limit: 1)),
            (
                "activity update",
                ActivityStatements.update(activityID, title: nil, description: change, taskType: nil, trace: nil)
            ),
            ("activity move", ActivityStatements.move(activity, to: 1, trace: nil)),
            ("activity delete", ActivityStatements.delete(activity, trace: nil)), ("card insert", insertCard),
            ("card find", CardStatements.find(card.id, limit: project)), ("card lock", CardStatements.lock(card.id)),
            ("card count", CardStatements.count(in: activityID)),
            ("card list", CardStatements.list(in: activityID, after: card.id.uuid, limit: 1)),
            ("card is in", CardStatements.isIn(activityID, card.id)),
            ("card overviews", CardStatements.overviews(ofActivities: [activityID])),
            (
                "card update",
                CardStatements.update(card, title: nil, prompt: change, params: empty, status: "done", trace: nil)
            ),
            ("card move", CardStatements.move(card, to: activityID, at: 0, trace: nil)),
            ("card delete", CardStatements.delete(card, trace: nil)),
            ("card note asset", CardStatements.noteAsset(asset, of: card, trace: nil)),
            ("asset find", AssetStatements.find(asset, limit: project)), ("asset lock", AssetStatements.lock(asset)),
            ("asset list", AssetStatements.list(filter, before: asset.uuid, limit: 1)),
            (
                "asset insert",
                AssetStatements.insert(asset, project: project, card: card.id, job: job, url: "a", facts: facts)
            ),
            ("asset approve", AssetStatements.approve(asset, id: ids.uuid(), note: nil, by: "me", trace: nil)),
            ("asset revoke", AssetStatements.revoke(asset, by: "me", trace: nil)),
            ("jobs of card", JobViewStatements.ofCard(card.id, before: job.uuid, limit: 1)),
            ("jobs of project", JobViewStatements.ofProject(project, limit: 1)),
            ("job find", JobViewStatements.find(job, limit: project)),
            ("result of job", JobViewStatements.result(of: job)), ("memory counts", MemoryStatements.counts(project)),
            ("memory cards", MemoryStatements.cards(project, activities: 1, limit: 1)),
            (
                "context extent",
                ContextStatements.extent(
                    of: project,
                    atMost: ContextReading.Extent(activities: 1, cards: 1, assets: 1, jobs: 1)
                )
            ),
        ] + noteStatements(project, TextChange("none", in: .null)) + (try threadStatements(project))
            + runStatements(project) + mcpStatements
    }

    private static func noteStatements(_ project: ProjectID, _ none: TextChange) -> [StatementCatalogue.Entry] {
        let note: NoteID = IdentifierSource().next()
        let insert = NoteStatements.insert(
            note,
            in: project,
            text: "",
            author: "me",
            source: .tool,
            confidence: 1,
            validUntil: nil
        )
        return [
            ("note insert", insert), ("note find", NoteStatements.find(note, limit: project)),
            ("note list", NoteStatements.list(in: project, state: "live", before: note.uuid, limit: 1)),
            ("notes for a context", NoteStatements.forContext(of: project, limit: 1)),
            ("note count", NoteStatements.count(in: project, quarantined: true)),
            (
                "note update",
                NoteStatements.update(
                    note,
                    text: nil,
                    confidence: nil,
                    validUntil: none,
                    supersededBy: none
                )
            ),
            ("note approve", NoteStatements.approve(note, by: "me")), ("note delete", NoteStatements.delete(note)),
        ]
    }
}
