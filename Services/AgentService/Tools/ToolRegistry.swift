import Concurrency
import Contracts
import JSON
import Kernel
import Store
import Telemetry

/// The tools that there are, and the one way to call them: allowed, checked, within its time, and recorded.
struct ToolRegistry: Sendable {
    /// Why a tool cannot be registered.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// All tools, by name, always in this order.
    let tools: [Tool]
    private let byName: [String: Tool]
    private let recorder: ToolRecorder
    private let logger: Logger

    /// A registry of some tools.
    ///
    /// - Throws: `Refused` for a name that is taken or is none, before anybody could call the wrong one.
    init(_ tools: [Tool], recorder: ToolRecorder, logger: Logger) throws(Refused) {
        var byName: [String: Tool] = [:]
        for tool in tools {
            guard ToolRegistry.isName(tool.name) else {
                throw Refused(description: "\(tool.name) is no name for a tool")
            }
            guard byName.updateValue(tool, forKey: tool.name) == nil else {
                throw Refused(description: "there are two tools called \(tool.name)")
            }
        }
        self.byName = byName
        self.tools = tools.sorted { $0.name < $1.name }
        self.recorder = recorder
        self.logger = logger
    }

    static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The tool of a name.
    func tool(_ name: String) -> Tool? { byName[name] }

    /// The tools that somebody may call.
    func tools(for principal: Principal) -> [Tool] {
        tools.filter { $0.scope.map(principal.may) ?? true }
    }

    /// Calls a tool. Whatever goes wrong is an answer too, that tells the model what to do about it.
    ///
    /// - Throws: `CancellationError` when the caller is gone; the call is recorded all the same. `InputRequired` when it
    ///   must ask first: then it has not ended, and is recorded when it does.
    func call(_ tool: Tool, _ call: ToolCall, from source: ToolRecord.Source) async throws -> ToolAnswer {
        let begin = ContinuousClock.now
        var record = ToolRecord(tool: tool, call: call, source: source)
        do {
            let answer = try await answer(tool, call)
            record.end(answer.isError ? .failed : .succeeded, code: nil, cost: answer.cost, after: .now - begin)
            await recorder.record(record)
            return answer
        } catch let error as ServiceError {
            record.end(ToolRegistry.outcome(error.code), code: error.code.text, after: .now - begin)
            await recorder.record(record)
            return .failure(error)
        } catch is CancellationError {
            record.end(.cancelled, code: nil, after: .now - begin)
            // In a task that is not cancelled, as this one is.
            let ended = record
            await Task { await recorder.record(ended) }.value
            throw CancellationError()
        }
    }

    private static func outcome(_ code: ErrorCode) -> ToolRecord.Outcome {
        switch code {
        case .deadlineExceeded: .timedOut
        // What a tool needs was not there, or broke.
        case .upstreamFailed, .serviceUnavailable: .failed
        default: .refused
        }
    }

    private func answer(_ tool: Tool, _ call: ToolCall) async throws -> ToolAnswer {
        let issues = tool.input.issues(in: call.arguments)
        guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        if let scope = tool.scope, !call.principal.may(scope) {
            throw ServiceError(.forbidden, "the token lacks the scope \(scope.rawValue)")
        }
        let answer: ToolAnswer
        do {
            answer = try await withDeadline(tool.timeout, for: "the tool \(tool.name)") { try await tool.run(call) }
        } catch is CancellationError {
            throw CancellationError()
        } catch let required as InputRequired {
            throw required
        } catch is DeadlineExceeded {
            throw ServiceError(.deadlineExceeded, "the tool took longer than \(tool.timeout.milliseconds) ms")
        } catch let error as ServiceError {
            throw error
        } catch {
            logger.error("tool failed", ["tool": tool.name, "request_id": call.requestID, "error": "\(error)"])
            throw ServiceError(.internalError, "the tool failed; the log has it under request id \(call.requestID)")
        }
        try check(answer, of: tool, call)
        return answer
    }

    /// What a tool promises of its answer it keeps. Of ours, one that does not is our fault and not the model's.
    private func check(_ answer: ToolAnswer, of tool: Tool, _ call: ToolCall) throws {
        guard let schema = tool.output, !answer.isError else { return }
        let issues: [JSONIssue]
        if let structured = answer.structured {
            issues = schema.issues(in: try JSONDocument(parsing: structured.bytes).root)
        } else {
            issues = [JSONIssue(pointer: "", message: "is missing")]
        }
        guard let issue = issues.first else { return }
        logger.error(
            "tool broke its promise",
            ["tool": tool.name, "request_id": call.requestID, "issue": "\(issue.pointer) \(issue.message)"]
        )
        guard tool.source == ToolSourceName.own else {
            throw ServiceError(.upstreamFailed, "the tool was called, but its answer is not what its schema promises")
        }
        throw ServiceError(.internalError, "the tool's answer is not what it promises")
    }
}
