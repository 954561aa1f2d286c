import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of cards.
struct CardRoutes: Sendable {
    let pool: Pool
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/activities/{id}/cards",
                "make a card, at the end of the activity",
                scope: .projectsWrite,
                body: .json(CardDraft.schema),
                success: 201
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await create(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/activities/{id}/cards",
                "an activity's cards in order",
                scope: .projectsRead,
                query: QueryField.page
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/cards/{id}", "a card", scope: .projectsRead)) { call in
            let find = CardStatements.find(try call.id(of: "CARD"), limit: call.principal.project)
            return .json(try await pool.first(find, Card.init, orMissing: "CARD"))
        }
        let patch = JSONSchema.object([
            .optional("title", .string(Bounds.title)), .optional("prompt", .string(Bounds.text)),
            .optional("params", .anyObject), .optional("status", .word(Card.statuses)),
        ])
        api.add(
            Operation(.patch, "/api/cards/{id}", "change a card", scope: .projectsWrite, body: .json(patch)),
            in: pool,
            committed: changed
        ) { call, transaction in try await update(call, transaction) }
        let move = JSONSchema.object([
            .required("position", Place.schema),
            .optional("activity_id", .uuid.described("another activity of the same project")),
        ])
        api.add(
            Operation(
                .post,
                "/api/cards/{id}/move",
                "give a card another place",
                scope: .projectsWrite,
                body: .json(move)
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await self.move(call, transaction) }
        api.add(
            Operation(.delete, "/api/cards/{id}", "delete a card", scope: .projectsWrite, success: 204),
            in: pool,
            committed: changed
        ) { call, transaction in
            let card = try await lock(call, transaction)
            try await transaction.execute(CardStatements.delete(card, trace: call.trace.traceparent))
            return .noContent
        }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let draft = try CardDraft(call.body)
        let find = ActivityStatements.find(try call.id(of: "ACTIVITY"), limit: call.principal.project)
        let seen = try await transaction.first(find, Activity.init, orMissing: "ACTIVITY")
        try await lockOrder(of: seen.projectID, transaction, orMissing: "ACTIVITY")
        let activity = try await transaction.first(find, Activity.init, orMissing: "ACTIVITY")
        let count = try await transaction.count(CardStatements.count(in: activity.id))
        try Place.checkRoom(in: "activity", holding: count, adding: 1)
        let insert = CardStatements.insert([draft], in: activity, trace: call.trace.traceparent)
        let card = try await transaction.first(insert, Card.init, orMissing: "CARD")
        return .json(card, status: .created, headers: [("Location", "/api/cards/\(card.id)")])
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let find = ActivityStatements.find(try call.id(of: "ACTIVITY"), limit: call.principal.project)
        let activity = try await pool.first(find, Activity.init, orMissing: "ACTIVITY")
        if let after = page.after {
            let isThere = try await !pool.query(CardStatements.isIn(activity.id, CardID(after))).isEmpty
            guard isThere else { throw Place.lostCursor }
        }
        let statement = CardStatements.list(in: activity.id, after: page.after, limit: page.limit + 1)
        return page.reply(try await pool.query(statement).map(Card.init)) { $0.id.uuid }
    }

    private func update(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let card = try await transaction.lockCard(try call.id(of: "CARD"), limit: call.principal.project)
        try call.expect(version: card.version)
        guard call.body.members.contains(where: { _ in true }) else { return .json(card) }
        let statement = CardStatements.update(
            card,
            title: call.body.value("title")?.string,
            prompt: TextChange("prompt", in: call.body),
            params: try Bounds.object("params", in: call.body),
            status: call.body.value("status")?.string,
            trace: call.trace.traceparent
        )
        return .json(try await transaction.first(statement, Card.init, orMissing: "CARD"))
    }

    private func move(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let card = try await lock(call, transaction)
        let target = call.body.value("activity_id")?.string.flatMap { ActivityID($0) } ?? card.activityID
        if target != card.activityID {
            let find = ActivityStatements.find(target, limit: call.principal.project)
            let activity = try await transaction.first(find, Activity.init, orMissing: "ACTIVITY")
            guard activity.projectID == card.projectID else {
                throw ServiceError(.conflict, "the activity is in another project; a card stays in its own")
            }
        }
        let count = try await transaction.count(CardStatements.count(in: target))
        let isComing = target != card.activityID
        if isComing { try Place.checkRoom(in: "activity", holding: count, adding: 1) }
        let end = isComing ? count + 1 : count
        let position = min(call.body["position"]?.int ?? end, end)
        guard isComing || position != card.position else { return .json(card) }
        let statement = CardStatements.move(card, to: target, at: position, trace: call.trace.traceparent)
        return .json(try await transaction.first(statement, Card.init, orMissing: "CARD"))
    }

    /// Locks the order of the card's project, then the card as it is under that lock.
    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Card {
        let id: CardID = try call.id(of: "CARD")
        let limit = call.principal.project
        let seen = try await transaction.first(CardStatements.find(id, limit: limit), Card.init, orMissing: "CARD")
        try await lockOrder(of: seen.projectID, transaction, orMissing: "CARD")
        let card = try await transaction.lockCard(id, limit: limit)
        try call.expect(version: card.version)
        return card
    }

    private func lockOrder(of id: ProjectID, _ transaction: Transaction, orMissing thing: String) async throws {
        _ = try await transaction.first(ProjectStatements.lock(id, limit: nil), Project.init, orMissing: thing)
    }
}
