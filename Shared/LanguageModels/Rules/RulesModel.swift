import JSON
public import Telemetry

/// The model `rules`: plays the script that stands in the last message of the user. It is not a language model; it is
/// there so that everything around models can be tried without one, and comes out the same every time.
///
/// Turn k of the answer plays stage k of the script. After the last stage it names what its tools answered.
public struct RulesModel: LanguageModel {
    /// What it is called.
    public static let name = "rules"

    /// `martlet`, as nobody else provides it.
    public var provider: String { "martlet" }

    /// The model; it has no state.
    public init() {}

    /// Plays one turn, word by word.
    public func reply(
        to request: ModelRequest,
        trace: TraceContext?,
        onDelta: @escaping @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply {
        try Task.checkCancellation()
        let start = ContinuousClock.now
        let turn = RulesTurn(request)
        var first: Duration?
        for part in turn.parts {
            first = first ?? .now - start
            switch part {
            case .text(let text): for word in RulesModel.words(of: text) { onDelta(.text(word)) }
            case .toolCall(let call): onDelta(.toolCall(name: call.name))
            case .toolResult, .reasoning: break
            }
        }
        let message = ModelMessage(.assistant, turn.parts)
        let calls = message.toolCalls
        return ModelReply(
            id: request.id,
            model: RulesModel.name,
            message: message,
            finish: calls.isEmpty ? .stop : .toolCalls,
            usage: ModelUsage(
                inputTokens: RulesModel.tokens(in: request.messages),
                outputTokens: RulesModel.tokens(in: [message]),
                isEstimated: true
            ),
            timeToFirstChunk: first
        )
    }

    /// A text in pieces that end behind a space or a line.
    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            word.append(character)
            if character.isWhitespace {
                words.append(word)
                word = ""
            }
        }
        return word.isEmpty ? words : words + [word]
    }

    private static func tokens(in messages: [ModelMessage]) -> Int {
        let bytes = messages.flatMap(\.parts)
            .reduce(0) { bytes, part in
                switch part {
                case .text(let text): bytes + text.utf8.count
                case .toolCall(let call): bytes + call.name.utf8.count + call.arguments.bytes.count
                case .toolResult(let result): bytes + result.text.utf8.count
                case .reasoning(let reasoning): bytes + reasoning.data.bytes.count
                }
            }
        return (bytes + 3) / 4
    }
}
