import JSON

/// Reads `chat.completion.chunk`s.
///
/// The chunk with `finish_reason` completes the answer. What stands behind it, usage and `[DONE]`, is taken if it
/// comes: several servers leave both out.
struct ChatAnswer: WireAnswer {
    var builder: AnswerBuilder
    var isComplete: Bool { builder.finish != nil }
    private var isRefused = false

    init(_ builder: AnswerBuilder) { self.builder = builder }

    mutating func take(_ data: String) throws(ModelFailure) {
        if data.hasPrefix("[DONE]") { return }
        let chunk = try Self.object(data)
        if let error = chunk.value("error") { throw ModelFailure(event: error) }
        if builder.id == nil { builder.id = chunk["id"]?.string }
        if builder.model == nil { builder.model = chunk["model"]?.string }
        if let usage = chunk.value("usage") { builder.usage = Self.usage(usage) }
        // We ask for one choice; whoever sends more means the first.
        for choice in (chunk["choices"] ?? .null).elements where choice.value("index")?.int ?? 0 == 0 {
            try take(choice: choice)
        }
    }

    private mutating func take(choice: JSONElement) throws(ModelFailure) {
        let delta = choice["delta"] ?? .null
        // Not in OpenAI's contract, but what servers of open models call it.
        builder.think((delta.value("reasoning_content") ?? delta.value("reasoning"))?.string ?? "")
        builder.say(delta.value("content")?.string ?? "")
        if let refusal = delta.value("refusal")?.string, !refusal.isEmpty {
            builder.say(refusal)
            isRefused = true
        }
        for call in (delta["tool_calls"] ?? .null).elements {
            let function = call["function"] ?? .null
            try builder.call(
                ToolCallAssembler.Piece(
                    index: call.value("index")?.int,
                    id: call.value("id")?.string,
                    name: function.value("name")?.string,
                    arguments: function.value("arguments")?.argumentText
                )
            )
        }
        if let reason = choice.value("finish_reason")?.string, !reason.isEmpty {
            builder.finish = isRefused ? .refused : Self.finish(reason)
        }
    }

    private static func finish(_ reason: String) -> ModelFinish {
        switch reason {
        case "stop": .stop
        case "tool_calls", "function_call": .toolCalls
        case "length": .length
        case "content_filter": .refused
        default: .other
        }
    }

    private static func usage(_ json: JSONElement) -> ModelUsage {
        let input = json["prompt_tokens_details"] ?? .null
        return ModelUsage(
            inputTokens: json.count("prompt_tokens"),
            cachedInputTokens: input.count("cached_tokens"),
            cacheWriteTokens: input.count("cache_write_tokens"),
            outputTokens: json.count("completion_tokens"),
            reasoningTokens: (json["completion_tokens_details"] ?? .null).count("reasoning_tokens")
        )
    }
}

extension JSONElement {
    /// A count of tokens: what is none, or absurd, is 0.
    func count(_ name: String) -> Int {
        let count = value(name)?.int ?? 0
        return (0...1 << 40).contains(count) ? count : 0
    }

    /// Arguments, which are JSON in a string, or by some servers the JSON itself.
    var argumentText: String { string ?? String(decoding: raw.bytes, as: UTF8.self) }
}
