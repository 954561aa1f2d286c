import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of activities.
struct ActivityRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        let description = JSONSchema.Property.optional("description", .string(Bounds.text))
        let schema = JSONSchema.object([
            .required("title", .string(Bounds.title)), description,
            .required("task_type", .word(Activity.taskTypes)),
            .optional("cards", .array(of: CardDraft.schema, 0...Bounds.cardsAtOnce).described("numbered 1…n")),
        ])
        api.add(
            Operation(
                .post,
                "/api/projects/{id}/activities",
                "make an activity with its cards, at the end of the project",
                scope: .projectsWrite,
                body: .json(schema, atMost: 16 << 20),
                success: 201
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await create(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/projects/{id}/activities",
                "a project's activities in order, with an overview of their cards",
                scope: .projectsRead,
                query: QueryField.page
            )
        ) { call in try await list(call) }
        api.add(
            Operation(.get, "/api/activities/{id}", "an activity with an overview of its cards", scope: .projectsRead)
        ) { call in try await show(call) }
        let patch = JSONSchema.object([
            .optional("title", .string(Bounds.title)), description,
            .optional("task_type", .word(Activity.taskTypes)),
        ])
        api.add(
            Operation(.patch, "/api/activities/{id}", "change an activity", scope: .projectsWrite, body: .json(patch)),
            in: pool,
            committed: changed
        ) { call, transaction in try await update(call, transaction) }
        api.add(
            Operation(
                .post,
                "/api/activities/{id}/move",
                "give an activity another place in its project",
                scope: .projectsWrite,
                body: .json(.object([.required("position", Place.schema)]))
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await move(call, transaction) }
        api.add(
            Operation(
                .delete,
                "/api/activities/{id}",
                "delete an activity with its cards",
                scope: .projectsWrite,
                success: 204
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await delete(call, transaction) }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let drafts = try CardDraft.list(call.body)
        let lock = ProjectStatements.lock(try call.id(of: "PROJECT"), limit: call.principal.project)
        let project = try await transaction.first(lock, Project.init, orMissing: "PROJECT")
        let count: Int = try await transaction.count(ActivityStatements.count(in: project.id))
        try Place.checkRoom(in: "project", holding: count, adding: 1)
        let insert = ActivityStatements.insert(
            ids.next(),
            in: project.id,
            title: call.body["title"]?.string ?? "",
            description: call.body.value("description")?.string,
            taskType: call.body["task_type"]?.string ?? "",
            trace: call.trace.traceparent
        )
        let activity = try await transaction.first(insert, Activity.init, orMissing: "ACTIVITY")
        var cards: [Card] = []
        if !drafts.isEmpty {
            let statement = CardStatements.insert(drafts, in: activity, trace: call.trace.traceparent)
            cards = try await transaction.query(statement).map(Card.init)
        }
        return .json(
            ActivityWithCards(activity: activity, cards: cards),
            status: .created,
            headers: [("Location", "/api/activities/\(activity.id)")]
        )
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let id: ProjectID = try call.id(of: "PROJECT")
        let find = ProjectStatements.find(id, limit: call.principal.project)
        _ = try await pool.first(find, Project.init, orMissing: "PROJECT")
        if let after = page.after {
            let anchor = ActivityStatements.find(ActivityID(after), limit: id)
            guard try await !pool.query(anchor).isEmpty else { throw Place.lostCursor }
        }
        let activities =
            try await pool.query(
                ActivityStatements.list(in: id, after: page.after, limit: page.limit + 1)
            )
            .map(Activity.init)
        return page.reply(try await withCards(activities)) { $0.activity.id.uuid }
    }

    private func show(_ call: Call) async throws -> Reply {
        let find = ActivityStatements.find(try call.id(of: "ACTIVITY"), limit: call.principal.project)
        let activity = try await pool.first(find, Activity.init, orMissing: "ACTIVITY")
        guard let whole = try await withCards([activity]).first else { throw ServiceError.notFound("ACTIVITY") }
        return .json(whole)
    }

    private func withCards(_ activities: [Activity]) async throws -> [ActivityWithCards<CardOverview>] {
        let rows = try await pool.query(CardStatements.overviews(ofActivities: activities.map(\.id)))
        let cards = Dictionary(grouping: try rows.map(CardOverview.init), by: \.activityID)
        return activities.map { ActivityWithCards(activity: $0, cards: cards[$0.id] ?? []) }
    }

    private func update(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let lock = ActivityStatements.lock(try call.id(of: "ACTIVITY"), limit: call.principal.project)
        let activity = try await transaction.first(lock, Activity.init, orMissing: "ACTIVITY")
        try call.expect(version: activity.version)
        guard call.body.members.contains(where: { _ in true }) else { return .json(activity) }
        let statement = ActivityStatements.update(
            activity.id,
            title: call.body.value("title")?.string,
            description: TextChange("description", in: call.body),
            taskType: call.body.value("task_type")?.string,
            trace: call.trace.traceparent
        )
        return .json(try await transaction.first(statement, Activity.init, orMissing: "ACTIVITY"))
    }

    private func move(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let activity = try await lock(call, transaction)
        let count = try await transaction.count(ActivityStatements.count(in: activity.projectID))
        // Beyond the end is the end: the caller need not know how many there are.
        let position = min(call.body["position"]?.int ?? count, count)
        guard position != activity.position else { return .json(activity) }
        let statement = ActivityStatements.move(activity, to: position, trace: call.trace.traceparent)
        return .json(try await transaction.first(statement, Activity.init, orMissing: "ACTIVITY"))
    }

    private func delete(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let activity = try await lock(call, transaction)
        try await transaction.execute(ActivityStatements.delete(activity, trace: call.trace.traceparent))
        return .noContent
    }

    /// Locks the project's order, then the activity as it is under that lock.
    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Activity {
        let id: ActivityID = try call.id(of: "ACTIVITY")
        let limit = call.principal.project
        let seen = try await transaction.first(
            ActivityStatements.find(id, limit: limit),
            Activity.init,
            orMissing: "ACTIVITY"
        )
        let lock = ProjectStatements.lock(seen.projectID, limit: limit)
        _ = try await transaction.first(lock, Project.init, orMissing: "ACTIVITY")
        let activity = try await transaction.first(
            ActivityStatements.lock(id, limit: limit),
            Activity.init,
            orMissing: "ACTIVITY"
        )
        try call.expect(version: activity.version)
        return activity
    }
}
