import Contracts
import Kernel
import Store

/// What is kept of a call of a tool: who called what, how it ended, how long it took, what it cost. Not its arguments and
/// not its answer, which are the caller's.
struct ToolRecord: Sendable {
    /// By which way it came.
    enum Source: String, Sendable {
        case mcp
        /// A run of an agent.
        case run
    }

    /// How it ended.
    enum Outcome: String, Sendable {
        case succeeded
        /// The tool says itself that it failed.
        case failed
        /// It was not allowed, or the arguments did not fit, or the rules of the service forbid it.
        case refused
        case timedOut = "timed_out"
        case cancelled
    }

    let id: UUID
    let tool: String
    let effect: String
    let source: Source
    let principal: String
    let project: ProjectID?
    let requestID: String
    private(set) var outcome = Outcome.cancelled
    private(set) var code: String?
    private(set) var duration = Duration.zero
    private(set) var cost: Int?

    init(tool: Tool, call: ToolCall, source: Source) {
        id = IdentifierSource().uuid()
        self.tool = tool.name
        effect = tool.effect.rawValue
        self.source = source
        principal = call.principal.name
        project = call.principal.project
        requestID = call.requestID
    }

    mutating func end(_ outcome: Outcome, code: String?, cost: Int? = nil, after duration: Duration) {
        self.outcome = outcome
        self.code = code
        self.cost = cost
        self.duration = duration
    }
}
