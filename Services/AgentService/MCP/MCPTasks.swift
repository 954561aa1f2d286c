import Contracts
import JSON
import Kernel
import Postgres
import Store

/// The tasks extension of the modern era: a job is the task. A client that has declared the extension is answered with a
/// task when a tool starts a job, and may look after it, call it off, and listen to it by any replica.
struct MCPTasks: Sendable {
    static let name = "\(MCPVersion.prefix)tasks"
    static let methods: Set<String> = ["tasks/get", "tasks/update", "tasks/cancel"]

    let pool: Pool
    let jobs: JobQueueClient

    /// Whether a client takes tasks for answers.
    static func areDeclared(by request: MCPRequest) -> Bool {
        request.isModern && request.message.meta("clientCapabilities")?["extensions"]?[name]?.kind == .object
    }

    /// Refuses a client that has not said that it knows tasks.
    static func require(_ request: MCPRequest) throws(MCPError) {
        guard areDeclared(by: request) else { throw MCPError.capabilities(RawJSON(#"{"extensions":{"\#(name)":{}}}"#)) }
    }

    /// Answers one of `methods`.
    func answer(_ request: MCPRequest, _ results: MCPResults) async throws -> RawJSON {
        try MCPTasks.require(request)
        guard let id = request.parameters["taskId"]?.string else { throw MCPError.parameters("taskId is missing") }
        guard let task = try await find(id, for: request.principal) else {
            throw MCPError.parameters("there is no such task")
        }
        switch request.message.method {
        case "tasks/get": return results.plain { task.writeMembers(to: &$0, details: true) }
        case "tasks/cancel":
            guard request.principal.may(.jobsManage) else {
                throw ServiceError(.forbidden, "the token lacks the scope \(Scope.jobsManage.rawValue)")
            }
            try await jobs.cancel(task.job.id, requestID: request.requestID, trace: request.trace)
        default: break  // A job never asks for anything: what is brought is not needed.
        }
        return results.plain { _ in }
    }

    /// The task that a tool's answer has begun; `nil` when it began none, or the client takes none.
    func begun(by answer: ToolAnswer, of tool: Tool, _ request: MCPRequest) async throws -> MCPTask? {
        guard tool.startsJob, !answer.isError, MCPTasks.areDeclared(by: request), let structured = answer.structured,
            let id = try JSONDocument(parsing: structured.bytes).root["job_id"]?.string.flatMap({ JobID($0) })
        else { return nil }
        return try await find(id, limit: request.principal.project)
    }

    /// A task, unless there is none of that id or it is not for the caller.
    func find(_ id: String, for principal: Principal) async throws -> MCPTask? {
        guard principal.may(.jobsRead) || principal.may(.jobsSubmit), let id = JobID(id) else { return nil }
        return try await find(id, limit: principal.project)
    }

    private func find(_ id: JobID, limit: ProjectID?) async throws -> MCPTask? {
        try await pool.query(JobViewStatements.find(id, limit: limit)).first.map { MCPTask(job: try JobView($0)) }
    }
}
