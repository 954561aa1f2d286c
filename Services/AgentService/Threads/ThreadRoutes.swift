import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of threads; those of what is in them are `CheckpointRoutes`.
struct ThreadRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/threads",
                "make a thread; one that has the thread_id or key already is answered instead",
                scope: .projectsWrite,
                body: .json(ThreadDraft.schema),
                success: 201
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await create(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/threads",
                "list threads, newest first",
                scope: .projectsRead,
                query: QueryField.page + [.uuid("project_id", "the project"), .text("key", "the key", atMost: 1_020)]
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/threads/{id}", "a thread", scope: .projectsRead)) { call in
            let find = ThreadStatements.find(try call.id(of: "THREAD"), limit: call.principal.project)
            return .json(try await pool.first(find, AgentThread.init, orMissing: "THREAD"))
        }
        api.add(
            Operation(
                .patch,
                "/api/threads/{id}",
                "change a thread's title or metadata",
                scope: .projectsWrite,
                body: .json(.object(ThreadDraft.members))
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await update(call, transaction) }
        api.add(
            Operation(
                .delete,
                "/api/threads/{id}",
                "delete a thread with all its checkpoints and runs",
                scope: .projectsWrite,
                success: 204
            ),
            in: pool,
            committed: changed
        ) { call, transaction in
            let thread = try await lock(call, transaction)
            _ = try await transaction.query([
                RunStatements.delete(ofThreads: [thread.id]),
                ThreadStatements.delete([thread.id], trace: call.trace.traceparent),
            ])
            return .noContent
        }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let draft = try ThreadDraft(call)
        if let project = draft.project {
            // Whoever deletes the project has the same lock, and finds the thread or is found out.
            let lock = ProjectStatements.lock(project, limit: call.principal.project)
            _ = try await transaction.first(lock, Project.init, orMissing: "PROJECT")
        }
        let id = draft.id ?? ids.next()
        let insert = ThreadStatements.insert(draft, id: id, trace: call.trace.traceparent)
        if let row = try await transaction.query(insert).first {
            return .json(try AgentThread(row), status: .created, headers: [("Location", "/api/threads/\(id)")])
        }
        return .json(try await existing(draft, call, transaction))
    }

    /// The thread that has the id or the key which a new one was to have.
    private func existing(_ draft: ThreadDraft, _ call: Call, _ transaction: Transaction) async throws -> AgentThread {
        let taken = ServiceError(.conflict, "the thread_id or the key belongs to another thread")
        var found: AgentThread?
        if let id = draft.id {
            let find = ThreadStatements.find(id, limit: call.principal.project)
            found = try await transaction.query(find).first.map(AgentThread.init)
        } else if let key = draft.key {
            found = try await transaction.query(ThreadStatements.find(key: key, in: draft.project)).first
                .map(AgentThread.init)
        }
        guard let found, found.projectID == draft.project, draft.key == nil || found.key == draft.key else {
            throw taken
        }
        return found
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let filter = ThreadFilter(
            limit: call.principal.project,
            project: call.queryID("project_id"),
            key: call.text("key")
        )
        let statement = ThreadStatements.list(filter, before: page.after, limit: page.limit + 1)
        return page.reply(try await pool.query(statement).map(AgentThread.init)) { $0.id.uuid }
    }

    private func update(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let thread = try await lock(call, transaction)
        guard call.body.members.contains(where: { _ in true }) else { return .json(thread) }
        let statement = ThreadStatements.update(
            thread.id,
            title: TextChange("title", in: call.body),
            metadata: try Bounds.object("metadata", in: call.body),
            trace: call.trace.traceparent
        )
        return .json(try await transaction.first(statement, AgentThread.init, orMissing: "THREAD"))
    }

    private func lock(_ call: Call, _ transaction: Transaction) async throws -> AgentThread {
        let thread = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
        try call.expect(version: thread.version)
        return thread
    }
}

extension Transaction {
    /// A thread that stays as it is until the transaction ends.
    func lockThread(_ id: ThreadID, limit: ProjectID?) throws -> AgentThread {
        guard let row = try query(ThreadStatements.lock([id])).first else { throw ServiceError.notFound("THREAD") }
        let thread = try AgentThread(row)
        guard limit == nil || thread.projectID == limit else { throw ServiceError.notFound("THREAD") }
        return thread
    }
}
