import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of checkpoints and writes.
struct CheckpointRoutes: Sendable {
    let pool: Pool
    let intake: ThreadIntake

    private static let namespace = JSONSchema.Property.optional(
        "checkpoint_ns",
        .string(ThreadBounds.path).described("empty for the thread's own; subgraphs have others")
    )
    private static let fence = JSONSchema.Property.optional(
        "fence",
        .integer(1...Int.max).described("of the caller's lease")
    )

    func add(to api: inout API) {
        api.add(
            Operation(
                .put,
                "/api/threads/{id}/checkpoints",
                "store a checkpoint, with writes, in one transaction; the same again changes nothing",
                scope: .projectsWrite,
                body: .json(
                    .object(
                        CheckpointDraft.schema + [
                            CheckpointRoutes.namespace, CheckpointRoutes.fence, .optional("writes", WriteDraft.schema),
                        ]
                    ),
                    atMost: ThreadBounds.requestBytes
                )
            )
        ) { call in try await put(call) }
        api.add(
            Operation(
                .post,
                "/api/threads/{id}/writes",
                "keep what the tasks of a step have written so far; the same again changes nothing",
                scope: .projectsWrite,
                body: .json(
                    .object([
                        CheckpointRoutes.namespace, .required("checkpoint_id", .uuid), CheckpointRoutes.fence,
                        .required("writes", WriteDraft.schema),
                    ]),
                    atMost: ThreadBounds.requestBytes
                )
            )
        ) { call in try await write(call) }
        let namespace = QueryField.text("ns", "only of this namespace", atMost: 4_096)
        api.add(
            Operation(
                .get,
                "/api/threads/{id}/checkpoints",
                "a thread's checkpoints with their values and writes, newest first",
                scope: .projectsRead,
                query: QueryField.page + [
                    namespace, .uuid("before", "only those older than this one"),
                    .text("filter", "a JSON object that their metadata must contain", atMost: 4_096),
                ]
            )
        ) { call in try await list(call) }
        api.add(
            Operation(
                .get,
                "/api/threads/{id}/checkpoints/{checkpoint}",
                "a checkpoint by its id, or the `latest` of a namespace",
                scope: .projectsRead,
                query: [namespace]
            )
        ) { call in try await show(call) }
    }

    private func put(_ call: Call) async throws -> Reply {
        let draft = try CheckpointDraft(call.body)
        var values: [UUID: [UInt8]] = [:]
        let writes = try WriteDraft.list(call.body, &values)
        return try await submit(call, draft.id, draft, writes, values)
    }

    private func write(_ call: Call) async throws -> Reply {
        guard let id = call.body["checkpoint_id"]?.string.flatMap({ CheckpointID($0) }) else {
            throw ServiceError.invalid("/checkpoint_id", "is required")
        }
        var values: [UUID: [UInt8]] = [:]
        let writes = try WriteDraft.list(call.body, &values)
        return try await submit(call, id, nil, writes, values)
    }

    private func submit(
        _ call: Call,
        _ id: CheckpointID,
        _ checkpoint: CheckpointDraft?,
        _ writes: [WriteDraft],
        _ values: [UUID: [UInt8]]
    ) async throws -> Reply {
        let change = ThreadChange(
            thread: try call.id(of: "THREAD"),
            limit: call.principal.project,
            namespace: call.body.value("checkpoint_ns")?.string ?? "",
            checkpointID: id,
            checkpoint: checkpoint,
            writes: writes,
            values: values,
            expectedVersion: try call.expectedVersion(),
            fence: call.body.value("fence")?.int.map { Int64($0) },
            trace: call.trace.traceparent
        )
        let outcome = try await intake.submit(change)
        return .json { json in
            json.object {
                $0.member("thread_id", change.thread)
                $0.member("checkpoint_ns", change.namespace)
                $0.member("checkpoint_id", change.checkpointID)
                $0.member("version", outcome.version)
            }
        }
    }

    private func list(_ call: Call) async throws -> Reply {
        let thread = try await find(call)
        var filter = CheckpointFilter(thread: thread.id)
        filter.namespace = call.text("ns")
        filter.before = call.queryID("before")
        filter.metadata = try call.text("filter").map(CheckpointRoutes.filter)
        filter.cursor = try call.text("cursor").map(CheckpointRoutes.cursor)
        let page = try await CheckpointPage.read(filter, limit: call.int("limit") ?? 50, in: pool)
        return try .json { json in
            try json.object { json in
                try json.member("items") { json in
                    try json.array { json in
                        for checkpoint in page.checkpoints { try page.write(checkpoint, to: &json) }
                    }
                }
                json.member("next_cursor", page.hasMore ? page.checkpoints.last.map(CheckpointRoutes.cursor) : nil)
            }
        }
    }

    private func show(_ call: Call) async throws -> Reply {
        let thread = try await find(call)
        var filter = CheckpointFilter(thread: thread.id)
        filter.namespace = call.text("ns") ?? ""
        let name = call.request.parameters["checkpoint"] ?? ""
        if name != "latest" {
            guard let id = CheckpointID(name) else { throw ServiceError.notFound("CHECKPOINT") }
            filter.id = id
        }
        let page = try await CheckpointPage.read(filter, limit: 1, in: pool)
        guard let checkpoint = page.checkpoints.first else { throw ServiceError.notFound("CHECKPOINT") }
        return try .json { try page.write(checkpoint, to: &$0) }
    }

    private func find(_ call: Call) async throws -> AgentThread {
        let find = ThreadStatements.find(try call.id(of: "THREAD"), limit: call.principal.project)
        return try await pool.first(find, AgentThread.init, orMissing: "THREAD")
    }

    private static func filter(_ text: String) throws -> RawJSON {
        let element: JSONElement
        do { element = try JSONDocument(parsing: text).root } catch {
            throw ServiceError.invalid("?filter", "is not valid JSON: \(error)")
        }
        guard element.kind == .object, !element.holdsNUL else {
            throw ServiceError.invalid("?filter", "must be a JSON object without U+0000")
        }
        return element.raw
    }

    private static func cursor(_ checkpoint: Checkpoint) -> String {
        Base64URL.encode(checkpoint.key.id.uuid.bytes + Array(checkpoint.key.namespace.utf8))
    }

    private static func cursor(_ text: String) throws -> (id: CheckpointID, namespace: String) {
        guard let bytes = Base64URL.decode(text), bytes.count >= 16,
            let namespace = String(validating: bytes[16...], as: UTF8.self), !namespace.utf8.contains(0)
        else { throw ServiceError.invalid("?cursor", "is not a cursor of this list") }
        func half(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        return (CheckpointID(UUID(high: half(0..<8), low: half(8..<16))), namespace)
    }
}
