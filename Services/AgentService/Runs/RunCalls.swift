import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import Store
import Telemetry

/// Does the calls that a model asks for: each effect once, whoever drives and however often they are killed.
///
/// A call that only reads is simply done. For any other it is recorded first that it begins, with the approval that it
/// uses up. A driver that finds it begun calls again where the same key makes that harmless, and otherwise tells the
/// model that nobody knows what happened.
struct RunCalls: Sendable {
    /// Bytes of a result; longer ones are cut, and say so.
    static let longestResult = 64 << 10

    let ledger: RunLedger
    let toolbox: Toolbox
    let telemetry: RunTelemetry

    /// What became of a call.
    enum Outcome: Sendable {
        case finished(ModelToolResult, isUntrusted: Bool, code: String?, cost: Int)
        /// It goes on as a job.
        case job(JobID, cost: Int)
    }

    /// The tools that a run may call.
    func tools(for run: Run) -> [Tool] {
        toolbox.tools(for: run.principal)
            .filter { tool in run.settings.tools.map { $0.contains(tool.name) } ?? true }
    }

    /// Does a call and records how it ended.
    func perform(_ step: RunStep, of run: Run, _ lease: RunLease) async throws {
        guard let call = step.call else { return }
        guard let tool = tools(for: run).first(where: { $0.name == call.name }) else {
            return try await refuse(step, "UNKNOWN_TOOL", "there is no tool called \(call.name) here", lease)
        }
        guard run.usage.toolCalls < run.settings.limits.toolCalls else {
            return try await refuse(step, "TOOL_CALL_LIMIT", "no more tools may be called in this run", lease)
        }
        // A server may have said only after the turn what its tool does: then nobody was asked.
        let needsApproval = run.settings.approval.isNeeded(for: tool.effect)
        if step.status != .begun, needsApproval || step.status == .asked, let defect = defect(of: step, call, run) {
            return try await refuse(step, "NOT_APPROVED", defect, lease)
        }
        if step.status == .begun, !tool.isRepeatable {
            let message = """
                the service was interrupted while this call was under way: it may have had its effect or not. Look \
                before you call again
                """
            return try await refuse(step, "OUTCOME_UNKNOWN", message, lease)
        }
        if tool.effect != .read, step.status != .begun {
            try await ledger.write(lease) { transaction, _ in
                if needsApproval, try transaction.query(RunStepStatements.consume(run.id, n: step.n)).isEmpty {
                    throw RunRecordError(n: step.n)
                }
                _ = try transaction.query([
                    RunStepStatements.begin(run.id, n: step.n),
                    RunEventStatements.append("step", of: run.id, step: step.n),
                ])
            }
        }
        try await record(try await answer(tool, call, step, run), step, lease)
    }

    /// Whether a call was cut off after it began, by whose effect there may be a job that nobody here knows of.
    func mayHaveStartedJob(_ step: RunStep, of run: Run) -> Bool {
        step.status == .begun && tools(for: run).contains { $0.startsJob && $0.name == step.call?.name }
    }

    private func defect(of step: RunStep, _ call: ModelToolCall, _ run: Run) -> String? {
        guard let approval = step.approval else { return "nobody was asked" }
        return approval.defect(for: call.name, call.arguments, as: run.principal.name, now: run.readAt)
    }

    private func answer(_ tool: Tool, _ call: ModelToolCall, _ step: RunStep, _ run: Run) async throws -> Outcome {
        var arguments: JSONElement
        do {
            arguments = try JSONDocument(parsing: call.arguments.bytes).root
            if let replacing = tool.afterForeign, try await hasReadForeign(run) {
                arguments = try RunCalls.laid(JSONDocument(parsing: replacing.bytes).root, over: arguments)
            }
        } catch let error as JSONError {
            return RunCalls.failure(call, "INVALID_JSON", "the arguments are not JSON: \(error)")
        }
        let given = arguments
        let answer = try await telemetry.tool(call, tool, in: run) { trace in
            try await toolbox.call(
                tool,
                ToolCall(
                    principal: run.principal,
                    arguments: given,
                    requestID: "run:\(run.id):\(step.n)",
                    trace: trace,
                    key: "run:\(run.id):\(step.n)"
                ),
                from: .run
            )
        }
        if tool.startsJob, !answer.isError, let job = RunCalls.job(in: answer) {
            return .job(job, cost: answer.cost ?? 0)
        }
        let result = ModelToolResult(
            callID: call.id,
            name: call.name,
            text: RunCalls.text(of: answer),
            isError: answer.isError
        )
        return .finished(
            result,
            isUntrusted: answer.isUntrusted,
            code: answer.isError ? "TOOL_FAILED" : nil,
            cost: answer.cost ?? 0
        )
    }

    private func hasReadForeign(_ run: Run) async throws -> Bool {
        try await !ledger.pool.query(RunStepStatements.foreign(in: run.thread)).isEmpty
    }

    /// The members of one object, and those of another that it has not.
    private static func laid(_ members: JSONElement, over others: JSONElement) throws(JSONError) -> JSONElement {
        let bytes = JSONWriter.bytes { json in
            json.object { json in
                for member in members.members { json.member(member.name, member.value) }
                for member in others.members where members[member.name] == nil {
                    json.member(member.name, member.value)
                }
            }
        }
        return try JSONDocument(parsing: bytes).root
    }

    private func record(_ outcome: Outcome, _ step: RunStep, _ lease: RunLease) async throws {
        switch outcome {
        case .finished(let result, let isUntrusted, let code, let cost):
            try await ledger.write(
                lease,
                [
                    RunStepStatements.finish(
                        lease.run,
                        n: step.n,
                        result,
                        isUntrusted: isUntrusted,
                        code: code
                    ),
                    RunStatements.chargeCall(lease.run, cost: cost),
                    RunEventStatements.append("step", of: lease.run, step: step.n),
                ]
            )
        case .job(let job, let cost):
            try await ledger.write(
                lease,
                [
                    RunStepStatements.wait(lease.run, n: step.n, job: job),
                    RunStatements.chargeCall(lease.run, cost: cost),
                    RunEventStatements.append("step", of: lease.run, step: step.n),
                ]
            )
        }
    }

    /// Ends a call without having made it.
    func refuse(_ step: RunStep, _ code: String, _ message: String, _ lease: RunLease) async throws {
        guard let call = step.call, case .finished(let result, _, _, _) = RunCalls.failure(call, code, message) else {
            return
        }
        try await ledger.write(
            lease,
            [
                RunStepStatements.finish(lease.run, n: step.n, result, isUntrusted: false, code: code),
                RunEventStatements.append("step", of: lease.run, step: step.n),
            ]
        )
    }

    private static func failure(_ call: ModelToolCall, _ code: String, _ message: String) -> Outcome {
        let text = ToolAnswer.failure(ServiceError(ErrorCode(code, 400), message))
        let result = ModelToolResult(callID: call.id, name: call.name, text: self.text(of: text), isError: true)
        return .finished(result, isUntrusted: false, code: code, cost: 0)
    }

    private static func job(in answer: ToolAnswer) -> JobID? {
        guard let structured = answer.structured else { return nil }
        do {
            return try JSONDocument(parsing: structured.bytes).root["job_id"]?.string.flatMap { JobID($0) }
        } catch {
            return nil
        }
    }

    /// What the model is given of an answer.
    static func text(of answer: ToolAnswer) -> String {
        let text = answer.content
            .map { content in
                switch content {
                case .text(let text): text
                case .image(_, let type): "[an image, \(type)]"
                case .audio(_, let type): "[a sound, \(type)]"
                case .resource(let uri, let type, let text): "[\(uri), \(type)]\n\(text)"
                }
            }
            .joined(separator: "\n")
        return cut(text)
    }

    static func cut(_ text: String) -> String {
        guard text.utf8.count > longestResult else { return text }
        let kept = String(decoding: text.utf8.prefix(longestResult), as: UTF8.self)
        return kept + "\n[cut here: \(text.utf8.count - longestResult) bytes more]"
    }
}
