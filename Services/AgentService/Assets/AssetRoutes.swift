import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of assets and their approvals.
struct AssetRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/projects/{id}/assets",
                "a project's assets, newest first",
                scope: .projectsRead,
                query: QueryField.page + [
                    .uuid("card_id", "the card"),
                    .word("approved", "only those that are, or are not", of: ["true", "false"]),
                ]
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/assets/{id}", "an asset", scope: .projectsRead)) { call in
            let find = AssetStatements.find(try call.id(of: "ASSET"), limit: call.principal.project)
            return .json(try await pool.first(find, Asset.init, orMissing: "ASSET"))
        }
        api.add(
            Operation(
                .post,
                "/api/assets/{id}/approval",
                "approve an asset; repeating it changes nothing",
                scope: .projectsWrite,
                body: .json(.object([.optional("note", .string(Bounds.text))]))
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await approve(call, transaction) }
        api.add(
            Operation(
                .delete,
                "/api/assets/{id}/approval",
                "take an approval back",
                scope: .projectsWrite,
                success: 204
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await revoke(call, transaction) }
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let find = ProjectStatements.find(try call.id(of: "PROJECT"), limit: call.principal.project)
        let project = try await pool.first(find, Project.init, orMissing: "PROJECT")
        let filter = AssetFilter(
            project: project.id,
            card: call.queryID("card_id"),
            isApproved: call.text("approved").map { $0 == "true" }
        )
        let statement = AssetStatements.list(filter, before: page.after, limit: page.limit + 1)
        return page.reply(try await pool.query(statement).map(Asset.init)) { $0.id.uuid }
    }

    private func approve(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let asset = try await lock(call, transaction)
        guard asset.approval == nil else { return .json(asset) }
        let approval = AssetStatements.approve(
            asset.id,
            id: ids.uuid(),
            note: call.body.value("note")?.string,
            by: call.principal.name,
            trace: call.trace.traceparent
        )
        try await transaction.execute(approval)
        let find = AssetStatements.find(asset.id, limit: nil)
        return .json(try await transaction.first(find, Asset.init, orMissing: "ASSET"))
    }

    private func revoke(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let asset = try await lock(call, transaction)
        guard asset.approval != nil else { throw ServiceError.notFound("APPROVAL") }
        let statement = AssetStatements.revoke(asset.id, by: call.principal.name, trace: call.trace.traceparent)
        try await transaction.execute(statement)
        return .noContent
    }

    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Asset {
        let id: AssetID = try call.id(of: "ASSET")
        let batch = [AssetStatements.lock(id), AssetStatements.find(id, limit: call.principal.project)]
        guard let row = try await transaction.query(batch).last?.first else { throw ServiceError.notFound("ASSET") }
        return try Asset(row)
    }
}
