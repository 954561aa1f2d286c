import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import LanguageModels
import Postgres
import Store
import Telemetry

/// The HTTP routes by which people and programs talk to agents.
struct MessageRoutes: Sendable {
    /// Runs of a thread that may wait for one another.
    static let mostOpen = 20

    let pool: Pool
    let models: ModelCatalog
    /// The model of those who name none.
    let usualModel: String
    let bell: RunBell
    let changed: @Sendable () -> Void
    let ids = IdentifierSource()

    func add(to api: inout API) {
        let body = JSONSchema.object([.required("content", .string(1...100_000))] + RunSettings.members)
        api.add(
            Operation(
                .post,
                "/api/threads/{id}/messages",
                "say something to the agent of a thread; it answers in a run, after those that are before it",
                scope: .projectsWrite,
                body: .json(body),
                success: 202
            ),
            in: pool,
            committed: {
                changed()
                bell.due.signal()
            }
        ) { call, transaction in try await post(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/threads/{id}/messages",
                "what was said in a thread, oldest first; the newest where there is more than the limit",
                scope: .projectsRead,
                query: [.integer("limit", "how many", in: 1...500)]
            )
        ) { call in
            let find = ThreadStatements.find(try call.id(of: "THREAD"), limit: call.principal.project)
            let thread = try await pool.first(find, AgentThread.init, orMissing: "THREAD")
            let limit = call.int("limit") ?? 100
            let rows = try await pool.query(RunStepStatements.transcript(thread.id, before: nil, atMost: limit))
            let said = try rows.map(RunUtterance.init)
            return .json { json in json.object { $0.member("items", Array(said.reversed())) } }
        }
        api.add(Operation(.get, "/api/models", "the models that there are", scope: .projectsRead)) { _ in
            .json { json in
                json.object {
                    $0.member("items", models.names)
                    $0.member("default", usualModel)
                }
            }
        }
    }

    private func post(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let settings = try RunSettings(call.body, model: usualModel)
        try check(settings)
        let id: RunID = ids.next()
        let thread = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
        guard try await transaction.count(RunStatements.countOpen(thread.id)) < MessageRoutes.mostOpen else {
            throw ServiceError(.quotaExceeded, "too many runs of this thread have not ended", retryAfter: .seconds(5))
        }
        let message = ModelMessage(.user, [.text(call.body["content"]?.string ?? "")])
        let draft = RunStatements.Draft(
            id: id,
            thread: thread.id,
            project: thread.projectID,
            principal: call.principal.stored,
            settings: settings,
            message: RawJSON(JSONWriter.bytes { $0.value(message) }),
            trace: call.trace.traceparent
        )
        let run = try await transaction.first(RunStatements.insert(draft), Run.init, orMissing: "RUN")
        return .json(run, status: .accepted, headers: [("Location", "/api/runs/\(run.id)")])
    }

    /// Refuses what the run would only find out later.
    private func check(_ settings: RunSettings) throws {
        guard let (_, _, facts) = models.find(settings.model) else {
            throw ServiceError.invalid("/model", "is not one of \(models.names.joined(separator: ", "))")
        }
        if settings.limits.cost != nil, facts.cost(of: ModelUsage(inputTokens: 1)) == nil {
            throw ServiceError.invalid("/limits/cost_micros", "needs a model whose prices are configured")
        }
    }
}

extension RunUtterance: JSONWritable {
    /// Writes the message, and whether it comes from outside.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("role", message.role.rawValue)
            $0.member("parts", message.parts)
            if isUntrusted { $0.member("untrusted", true) }
        }
    }
}
