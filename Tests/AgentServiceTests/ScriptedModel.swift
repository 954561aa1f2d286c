import Concurrency
import JSON
import LanguageModels
import Telemetry

/// A model that answers what a test says, and remembers what it was asked.
final class ScriptedModel: LanguageModel {
    typealias Script = @Sendable (_ turn: Int, _ request: ModelRequest) async throws -> ModelReply

    let provider = "script"
    private let requests = Lock<[ModelRequest]>([])
    private let script: Script

    init(_ script: @escaping Script) { self.script = script }

    /// What it was asked, in order.
    var asked: [ModelRequest] { requests.withLock { $0 } }

    /// A catalogue with this model alone, called `script/model`.
    func catalog(_ facts: ModelFacts = ModelFacts(prices: .free)) -> ModelCatalog {
        ModelCatalog([ModelCatalog.Provider(name: "script", model: self, models: ["model": facts])])
    }

    func reply(
        to request: ModelRequest,
        trace: TraceContext?,
        onDelta: @escaping @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply {
        let turn = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        let reply = try await script(turn, request)
        for word in reply.message.text.split(separator: " ", omittingEmptySubsequences: false) {
            onDelta(.text(String(word) + " "))
        }
        return reply
    }
}

extension ModelReply {
    /// An answer in words.
    static func says(_ text: String, _ finish: ModelFinish = .stop, output: Int = 10) -> ModelReply {
        ModelReply(
            id: "r",
            model: "script-1",
            message: ModelMessage(.assistant, [.text(text)]),
            finish: finish,
            usage: ModelUsage(inputTokens: 100, outputTokens: output)
        )
    }

    /// An answer that calls tools.
    static func calls(_ calls: (name: String, arguments: String)...) -> ModelReply {
        ModelReply(
            message: ModelMessage(
                .assistant,
                calls.enumerated()
                    .map { index, call in
                        .toolCall(
                            ModelToolCall(id: "call_\(index)", name: call.name, arguments: RawJSON(call.arguments))
                        )
                    }
            ),
            finish: .toolCalls,
            usage: ModelUsage(inputTokens: 100, outputTokens: 10)
        )
    }
}

extension ModelRequest {
    /// The results that were given last.
    var results: [ModelToolResult] {
        messages.last?.parts.compactMap { if case .toolResult(let result) = $0 { result } else { nil } } ?? []
    }
}
