import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of projects.
struct ProjectRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()
    let changed: @Sendable () -> Void

    static let members: [JSONSchema.Property] = [
        .optional("description", .string(Bounds.text)),
        .optional("metadata", .anyObject.described("kept and returned, never interpreted; at most 64 KiB")),
    ]

    func add(to api: inout API) {
        let schema = JSONSchema.object([.required("title", .string(Bounds.title))] + ProjectRoutes.members)
        api.add(
            Operation(
                .post,
                "/api/projects",
                "make a project",
                scope: .projectsWrite,
                body: .json(schema),
                success: 201
            ),
            in: pool
        ) { call, transaction in try await create(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/projects",
                "list projects, newest first",
                scope: .projectsRead,
                query: QueryField.page
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/projects/{id}", "a project", scope: .projectsRead)) { call in
            .json(try await find(call))
        }
        let patch = JSONSchema.object([.optional("title", .string(Bounds.title))] + ProjectRoutes.members)
        api.add(
            Operation(.patch, "/api/projects/{id}", "change a project", scope: .projectsWrite, body: .json(patch)),
            in: pool
        ) { call, transaction in try await update(call, transaction) }
        api.add(
            Operation(
                .delete,
                "/api/projects/{id}",
                "delete a project and all below it",
                scope: .projectsWrite,
                success: 204
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await delete(call, transaction) }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        guard call.principal.project == nil else {
            throw ServiceError(.forbidden, "the token is for one project only")
        }
        let statement = ProjectStatements.insert(
            ids.next(),
            title: call.body["title"]?.string ?? "",
            description: call.body.value("description")?.string,
            metadata: try Bounds.object("metadata", in: call.body) ?? .emptyObject
        )
        let project = try await transaction.first(statement, Project.init, orMissing: "PROJECT")
        return .json(project, status: .created, headers: [("Location", "/api/projects/\(project.id)")])
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let statement = ProjectStatements.list(
            before: page.after,
            limit: call.principal.project,
            count: page.limit + 1
        )
        return page.reply(try await pool.query(statement).map(Project.init)) { $0.id.uuid }
    }

    private func find(_ call: Call) async throws -> Project {
        let statement = ProjectStatements.find(try call.id(of: "PROJECT"), limit: call.principal.project)
        return try await pool.first(statement, Project.init, orMissing: "PROJECT")
    }

    private func update(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let project = try await lock(call, transaction)
        guard call.body.members.contains(where: { _ in true }) else { return .json(project) }
        let statement = ProjectStatements.update(
            project.id,
            title: call.body.value("title")?.string,
            description: TextChange("description", in: call.body),
            metadata: try Bounds.object("metadata", in: call.body)
        )
        return .json(try await transaction.first(statement, Project.init, orMissing: "PROJECT"))
    }

    private func delete(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let project = try await lock(call, transaction)
        let threads = try await transaction.query(ThreadStatements.lock(ofProject: project.id)).map(AgentThread.init)
        if !threads.isEmpty {
            let ids = threads.map(\.id)
            _ = try await transaction.query([
                RunStatements.delete(ofThreads: ids), ThreadStatements.delete(ids, trace: call.trace.traceparent),
            ])
        }
        try await transaction.execute(ProjectStatements.delete(project.id, trace: call.trace.traceparent))
        return .noContent
    }

    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Project {
        let statement = ProjectStatements.lock(try call.id(of: "PROJECT"), limit: call.principal.project)
        let project = try await transaction.first(statement, Project.init, orMissing: "PROJECT")
        try call.expect(version: project.version)
        return project
    }
}
