import Contracts
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// A run as its row says.
struct Run: Sendable {
    let id: RunID
    let thread: ThreadID
    let project: ProjectID?
    let parent: RunID?
    let parentStep: Int?
    let depth: Int
    let principal: Principal
    let settings: RunSettings
    let status: RunStatus
    let waitsFor: String?
    let steps: Int
    let seq: Int
    let usage: RunUsage
    let isCancelled: Bool
    /// When it is due; whoever wakes it changes that.
    let wakeAt: Timestamp?
    let deadline: Timestamp
    let answer: String?
    let limitReached: String?
    let errorCode: String?
    let errorMessage: String?
    let trace: TraceContext
    let createdAt: Timestamp
    let startedAt: Timestamp?
    let endedAt: Timestamp?
    /// When this was read, by the database's clock.
    let readAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `run`.
    static let columns: SQL = """
        run.id, run.thread_id, run.project_id, run.parent_id, run.parent_step, run.depth, run.principal, run.settings,
        run.status, run.waits_for, run.steps, run.seq, run.turns, run.tool_calls, run.input_tokens, run.output_tokens,
        run.cost, run.is_cancelled, run.wake_at, run.deadline_at, run.answer, run.limit_reached, run.error_code, run.error_message,
        run.traceparent, run.created_at, run.started_at, run.ended_at, clock_timestamp()
        """
}

extension Run {
    init(_ row: Row) throws {
        var reader = row.reader
        try self.init(&reader)
    }

    init(_ reader: inout RowReader) throws {
        id = try reader.next()
        thread = try reader.next()
        project = try reader.next()
        parent = try reader.next()
        parentStep = try reader.next()
        depth = try reader.next()
        principal = try Principal(stored: try reader.next())
        let settings: RawJSON = try reader.next()
        self.settings = try RunSettings(try JSONDocument(parsing: settings.bytes).root, model: "")
        let status: String = try reader.next()
        self.status = RunStatus(rawValue: status) ?? .failed
        waitsFor = try reader.next()
        steps = try reader.next()
        seq = try reader.next()
        usage = RunUsage(
            turns: try reader.next(),
            toolCalls: try reader.next(),
            inputTokens: try reader.next(),
            outputTokens: try reader.next(),
            cost: try reader.next()
        )
        isCancelled = try reader.next()
        wakeAt = try reader.next()
        deadline = try reader.next()
        answer = try reader.next()
        limitReached = try reader.next()
        errorCode = try reader.next()
        errorMessage = try reader.next()
        let trace: String? = try reader.next()
        self.trace = trace.flatMap { TraceContext(traceparent: $0) } ?? .root()
        createdAt = try reader.next()
        startedAt = try reader.next()
        endedAt = try reader.next()
        readAt = try reader.next()
    }
}

extension Run: JSONWritable {
    /// Writes the run as an object.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("run_id", id)
            json.member("thread_id", thread)
            json.member("project_id", project)
            json.member("parent_run_id", parent)
            json.member("principal", principal.name)
            json.member("status", status.rawValue)
            json.member("waits_for", waitsFor)
            json.member("settings", settings)
            json.member("steps", steps)
            json.member("seq", seq)
            json.member("usage", usage)
            json.member("cancel_requested", isCancelled)
            json.member("answer", answer)
            json.member("limit_reached", limitReached)
            json.member("error_code", errorCode)
            json.member("error_message", errorMessage)
            json.member("deadline_at", deadline)
            json.member("created_at", createdAt)
            json.member("started_at", startedAt)
            json.member("ended_at", endedAt)
        }
    }
}

/// In whose name a run acts, as it is stored: a run may outlive the token that it was asked for with.
extension Principal {
    fileprivate init(stored json: RawJSON) throws {
        let root = try JSONDocument(parsing: json.bytes).root
        self.init(
            name: root["name"]?.string ?? "",
            scopes: Set(root["scopes"]?.elements.compactMap { $0.string.flatMap(Scope.init) } ?? []),
            project: root.value("project_id")?.string.flatMap { ProjectID($0) }
        )
    }

    /// The form that a run keeps.
    var stored: RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("name", name)
                    $0.member("scopes", scopes.map(\.rawValue).sorted())
                    $0.member("project_id", project)
                }
            }
        )
    }
}
