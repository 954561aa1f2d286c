import Kernel
import LanguageModels
import Telemetry

/// What traces and metrics say of runs, in the words of OpenTelemetry's conventions for generative AI. The words stand
/// here and nowhere else: the conventions still change.
struct RunTelemetry: Sendable {
    /// The names of attributes, operations and metrics.
    enum Word {
        static let operation = "gen_ai.operation.name"
        static let provider = "gen_ai.provider.name"
        static let requestModel = "gen_ai.request.model"
        static let responseModel = "gen_ai.response.model"
        static let responseID = "gen_ai.response.id"
        static let finishReasons = "gen_ai.response.finish_reasons"
        static let inputTokens = "gen_ai.usage.input_tokens"
        static let cachedTokens = "gen_ai.usage.cache_read.input_tokens"
        static let outputTokens = "gen_ai.usage.output_tokens"
        static let conversation = "gen_ai.conversation.id"
        static let toolName = "gen_ai.tool.name"
        static let toolCall = "gen_ai.tool.call.id"
        static let failure = "error.type"
        static let chat = "chat"
        static let invokeAgent = "invoke_agent"
        static let executeTool = "execute_tool"
    }

    private let tracer: Tracer
    private let clock: WallClock
    private let turns: Histogram
    private let firstChunks: Histogram
    private let input: Counter
    private let output: Counter
    private let failures: Counter

    init(tracer: Tracer?, metrics: Metrics, clock: WallClock = .system) {
        self.tracer = tracer ?? Tracer(capacity: 0, metrics: Metrics())
        self.clock = clock
        turns = metrics.histogram("gen_ai_client_operation_duration_seconds", "Time of models' turns.")
        firstChunks = metrics.histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time to the first piece of models' answers."
        )
        input = metrics.counter(
            "gen_ai_client_token_usage_total",
            "Tokens of models' turns.",
            labels: ["gen_ai_token_type": "input"]
        )
        output = metrics.counter(
            "gen_ai_client_token_usage_total",
            "Tokens of models' turns.",
            labels: ["gen_ai_token_type": "output"]
        )
        failures = metrics.counter("martlet_run_turns_failed_total", "Turns of models that failed.")
    }

    /// Runs a turn as a span.
    func turn(
        _ request: ModelRequest,
        by provider: String,
        in run: Run,
        _ body: (TraceContext) async throws -> ModelReply
    ) async throws -> ModelReply {
        let context = run.trace.child()
        let (start, begin) = (clock.now(), ContinuousClock.now)
        var attributes = [
            (name: Word.operation, value: Word.chat), (name: Word.provider, value: provider),
            (name: Word.requestModel, value: request.model),
            (name: Word.conversation, value: run.thread.description),
        ]
        func finish(_ failure: String?) {
            turns.record(.now - begin)
            if let failure {
                failures.add()
                attributes.append((name: Word.failure, value: failure))
            }
            let name = "\(Word.chat) \(request.model)"
            record(name, .client, context, run, start, attributes, failure)
        }
        do {
            let reply = try await body(context)
            input.add(reply.usage.inputTokens)
            output.add(reply.usage.outputTokens)
            if let first = reply.timeToFirstChunk { firstChunks.record(first) }
            attributes += [
                (name: Word.finishReasons, value: reply.finish.rawValue),
                (name: Word.inputTokens, value: "\(reply.usage.inputTokens)"),
                (name: Word.cachedTokens, value: "\(reply.usage.cachedInputTokens)"),
                (name: Word.outputTokens, value: "\(reply.usage.outputTokens)"),
            ]
            if let id = reply.id { attributes.append((name: Word.responseID, value: id)) }
            if let model = reply.model { attributes.append((name: Word.responseModel, value: model)) }
            finish(nil)
            return reply
        } catch {
            finish((error as? ModelFailure)?.code.rawValue ?? "\(type(of: error))")
            throw error
        }
    }

    /// Runs a call of a tool as a span.
    func tool(
        _ call: ModelToolCall,
        _ tool: Tool,
        in run: Run,
        _ body: (TraceContext) async throws -> ToolAnswer
    ) async throws -> ToolAnswer {
        let context = run.trace.child()
        let start = clock.now()
        let attributes = [
            (name: Word.operation, value: Word.executeTool), (name: Word.toolName, value: tool.name),
            (name: Word.toolCall, value: call.id), (name: Word.conversation, value: run.thread.description),
        ]
        let name = "\(Word.executeTool) \(tool.name)"
        do {
            let answer = try await body(context)
            record(name, .internal, context, run, start, attributes, answer.isError ? "tool_error" : nil)
            return answer
        } catch {
            record(name, .internal, context, run, start, attributes, "\(type(of: error))")
            throw error
        }
    }

    /// Records the whole run, when it has ended. Its span is the one that turns and calls have as their parent.
    func ended(_ run: Run, _ ending: RunEnding) {
        guard tracer.isOn else { return }
        let failure: String? = if case .failed(let code, _) = ending { code } else { nil }
        tracer.record(
            Span(
                context: run.trace,
                parent: nil,
                name: Word.invokeAgent,
                kind: .internal,
                start: run.createdAt,
                end: clock.now(),
                attributes: [
                    (name: Word.operation, value: Word.invokeAgent),
                    (name: Word.conversation, value: run.thread.description),
                    (name: Word.inputTokens, value: "\(run.usage.inputTokens)"),
                    (name: Word.outputTokens, value: "\(run.usage.outputTokens)"),
                ],
                failure: failure
            )
        )
    }

    private func record(
        _ name: String,
        _ kind: Span.Kind,
        _ context: TraceContext,
        _ run: Run,
        _ start: Timestamp,
        _ attributes: [(name: String, value: String)],
        _ failure: String?
    ) {
        guard tracer.isOn else { return }
        tracer.record(
            Span(
                context: context,
                parent: run.trace.spanID,
                name: name,
                kind: kind,
                start: start,
                end: clock.now(),
                attributes: attributes,
                failure: failure
            )
        )
    }
}
