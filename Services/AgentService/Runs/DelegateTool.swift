import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import Telemetry

/// The tool by which a run starts another one, with a thread and a budget of its own, and waits for its answer.
struct DelegateTool: Sendable {
    static let name = "delegate"
    /// How deep runs may start runs.
    static let deepest = 3

    /// What the model is told of it; nothing for a run that may start no other.
    static func tool(for run: Run) -> ModelTool? {
        guard run.depth < deepest, run.settings.tools?.contains(name) ?? true else { return nil }
        return ModelTool(
            name: name,
            summary: """
                Gives a task to another agent and waits for its answer. It knows nothing of this conversation: say all \
                that it needs. What it uses up counts here too.
                """,
            input: RawJSON(JSONWriter.bytes { $0.value(schema) })
        )
    }

    static let schema = JSONSchema.object([
        .required("task", .string(1...20_000).described("what is to be done, and what is to be answered")),
        .optional("instructions", .string(1...20_000).described("what the other agent is and how it works")),
        .optional("tools", .array(of: .string(1...64), 0...200).described("the only tools it may call")),
        .optional("turns", .integer(1...100)),
        .optional("tokens", .integer(1...1_000_000_000).described("of all its turns, in and out")),
    ])

    /// The run that a call starts.
    ///
    /// - Parameter promised: What other runs that this one has started may still use up.
    static func draft(
        _ id: RunID,
        in thread: ThreadID,
        for run: Run,
        step: Int,
        _ arguments: JSONElement,
        promised: (tokens: Int, cost: Int)
    ) throws -> RunStatements.Draft {
        let issues = schema.issues(in: arguments)
        guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        var settings = run.settings
        settings.instructions = arguments.value("instructions")?.string
        settings.output = nil
        let wished = arguments.value("tools").map { $0.elements.compactMap(\.string) }
        if let wished { settings.tools = wished.filter { run.settings.tools?.contains($0) ?? true } }
        settings.limits.turns = min(run.settings.limits.turns, arguments.value("turns")?.int ?? .max)
        settings.limits.toolCalls = max(0, run.settings.limits.toolCalls - run.usage.toolCalls)
        let left = run.settings.limits.tokens.map { $0 - run.usage.tokens - promised.tokens }
        settings.limits.tokens = [left, arguments.value("tokens")?.int].compactMap { $0 }.min()
        settings.limits.cost = run.settings.limits.cost.map { $0 - run.usage.cost - promised.cost }
        settings.limits.wallTime = min(run.settings.limits.wallTime, max(.seconds(1), run.deadline - run.readAt))
        if let tokens = settings.limits.tokens, tokens < 1 {
            throw ServiceError(ErrorCode("TOKEN_LIMIT", 400), "no tokens are left that could be given away")
        }
        if let cost = settings.limits.cost, cost < 1 {
            throw ServiceError(ErrorCode("COST_LIMIT", 400), "no money is left that could be given away")
        }
        let message = ModelMessage(.user, [.text(arguments["task"]?.string ?? "")])
        return RunStatements.Draft(
            id: id,
            thread: thread,
            project: run.project,
            parent: run.id,
            parentStep: step,
            depth: run.depth + 1,
            principal: run.principal.stored,
            settings: settings,
            message: RawJSON(JSONWriter.bytes { $0.value(message) }),
            trace: run.trace.child().traceparent
        )
    }
}
