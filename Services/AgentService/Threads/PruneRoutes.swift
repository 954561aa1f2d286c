import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes that copy threads, and take out of them what nobody needs any more.
struct PruneRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/threads/{id}/prune",
                "delete all but the newest checkpoints of each namespace, and the values that only they had",
                scope: .projectsWrite,
                body: .json(.object([.optional("keep", .integer(1...10_000).defaulting(to: 1))]))
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await prune(call, transaction) }
        api.add(
            Operation(
                .post,
                "/api/threads/{id}/copy",
                "a new thread with the checkpoints of this one; with a checkpoint_id, with that one and its ancestors",
                scope: .projectsWrite,
                body: .json(
                    .object(
                        ThreadDraft.names + ThreadDraft.members + [
                            .optional("checkpoint_id", .uuid),
                            .optional("checkpoint_ns", .string(ThreadBounds.path)),
                        ]
                    )
                ),
                success: 201
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await copy(call, transaction) }
        let runs = JSONSchema.array(of: .string(ThreadBounds.name), 0...ThreadBounds.named)
        api.add(
            Operation(
                .post,
                "/api/threads/delete-runs",
                "delete the checkpoints whose metadata has one of these run ids, wherever they are",
                scope: .projectsWrite,
                body: .json(.object([.required("run_ids", runs)]))
            ),
            in: pool,
            committed: changed
        ) { call, transaction in try await deleteRuns(call, transaction) }
    }

    private func prune(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let thread = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
        try call.expect(version: thread.version)
        guard try await transaction.query(PruneStatements.needsAncestors(thread.id)).isEmpty else {
            throw ServiceError(.conflict, "the thread has delta channels, whose values need the older checkpoints")
        }
        let keep = call.body.value("keep")?.int ?? 1
        let gone = try await transaction.query(PruneStatements.keepNewest(keep, of: thread.id))
        return try await tidy(gone, "pruned", call, transaction)
    }

    private func deleteRuns(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let runs = call.body["run_ids"]?.elements.compactMap(\.string) ?? []
        let named = try await transaction.query(PruneStatements.threads(ofRuns: runs, limit: call.principal.project))
        let threads = try named.map { try $0.decode(0, as: ThreadID.self) }.sorted()
        _ = try await transaction.query(ThreadStatements.lock(threads))
        let gone = try await transaction.query(PruneStatements.delete(ofRuns: runs, in: threads))
        return try await tidy(gone, "pruned", call, transaction)
    }

    /// Finishes a deletion: the values that nothing has any more, the threads' counts, and the events.
    private func tidy(_ gone: Rows, _ change: String, _ call: Call, _ transaction: Transaction) async throws -> Reply {
        let threads = Array(Set(try gone.map { try $0.decode(0, as: ThreadID.self) }))
        if !threads.isEmpty {
            _ = try await transaction.query(PruneStatements.tidy(threads))
            try await transaction.execute(ThreadStatements.note(change, threads, trace: call.trace.traceparent))
        }
        return .json { json in json.object { $0.member("deleted", gone.count) } }
    }

    private func copy(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let source = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
        let draft = ThreadDraft(
            id: call.body.value("thread_id")?.string.flatMap { ThreadID($0) },
            project: source.projectID,
            key: call.body.value("key")?.string,
            title: call.body.value("title")?.string ?? source.title,
            metadata: try Bounds.object("metadata", in: call.body) ?? source.metadata
        )
        let id = draft.id ?? ids.next()
        let trace = call.trace.traceparent
        guard try await !transaction.query(ThreadStatements.insert(draft, id: id, trace: trace)).isEmpty else {
            throw ServiceError(.conflict, "the thread_id or the key belongs to another thread")
        }
        if let checkpoint = call.body.value("checkpoint_id")?.string.flatMap({ CheckpointID($0) }) {
            let key = CheckpointKey(
                thread: source.id,
                namespace: call.body.value("checkpoint_ns")?.string ?? "",
                id: checkpoint
            )
            guard try await !transaction.query(CheckpointStatements.known([key])).isEmpty else {
                throw ServiceError.notFound("CHECKPOINT")
            }
            _ = try await transaction.query(PruneStatements.copy(source.id, upTo: key, to: id))
        } else {
            _ = try await transaction.query(PruneStatements.copyAll(source.id, to: id))
        }
        try await transaction.execute(ThreadStatements.note("copied", [id], trace: trace))
        let find = ThreadStatements.find(id, limit: nil)
        let copy = try await transaction.first(find, AgentThread.init, orMissing: "THREAD")
        return .json(copy, status: .created, headers: [("Location", "/api/threads/\(id)")])
    }
}
