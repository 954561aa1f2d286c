import JSON

/// Reads the events of a message of Anthropic's: blocks, each begun, continued and ended by its index.
struct MessagesAnswer: WireAnswer {
    private struct Thought: Sendable {
        let index: Int
        var text = ""
        var signature = ""
    }

    var builder: AnswerBuilder
    private(set) var isComplete = false
    private var calls: [Int: Int] = [:]
    private var thought: Thought?
    private var counts: [String: Int] = [:]

    init(_ builder: AnswerBuilder) { self.builder = builder }

    mutating func take(_ data: String) throws(ModelFailure) {
        let event = try Self.object(data)
        let index = event.value("index")?.int ?? 0
        switch event["type"]?.string {
        case "message_start":
            let message = event["message"] ?? .null
            builder.id = message.value("id")?.string
            builder.model = message.value("model")?.string
            count(message["usage"])
        case "content_block_start": try begin(event["content_block"] ?? .null, at: index)
        case "content_block_delta": try take(event["delta"] ?? .null, at: index)
        case "content_block_stop": endThought()
        case "message_delta":
            if let reason = event["delta"]?.value("stop_reason")?.string { builder.finish = Self.finish(reason) }
            count(event["usage"])
        case "message_stop":
            endThought()
            isComplete = true
        case "error": throw ModelFailure(event: event["error"] ?? .null)
        default: break  // ping, and what is to come
        }
    }

    private mutating func begin(_ block: JSONElement, at index: Int) throws(ModelFailure) {
        endThought()
        switch block["type"]?.string {
        case "text": builder.say(block["text"]?.string ?? "")
        case "tool_use":
            let call = try builder.call(
                ToolCallAssembler.Piece(
                    index: calls.count,
                    id: block.value("id")?.string,
                    name: block.value("name")?.string
                )
            )
            calls[index] = call
            // Gateways send all of the input here, the provider itself an empty object and the rest in pieces.
            let input = block["input"] ?? .null
            if input.members.contains(where: { _ in true }) { try builder.append(input.argumentText, to: call) }
        case "thinking":
            thought = Thought(
                index: index,
                text: block["thinking"]?.string ?? "",
                signature: block["signature"]?.string ?? ""
            )
        case "redacted_thinking": builder.keep(ModelReasoning(wire: Wire.anthropic.rawValue, data: block.raw))
        default: break
        }
    }

    private mutating func take(_ delta: JSONElement, at index: Int) throws(ModelFailure) {
        switch delta["type"]?.string {
        case "text_delta": builder.say(delta["text"]?.string ?? "")
        case "input_json_delta":
            guard let call = calls[index] else { throw .invalid("has arguments of a call that it has not announced") }
            try builder.append(delta["partial_json"]?.string ?? "", to: call)
        case "thinking_delta":
            let text = delta["thinking"]?.string ?? ""
            if thought?.index == index { thought?.text += text }
            builder.think(text)
        case "signature_delta":
            if thought?.index == index { thought?.signature += delta["signature"]?.string ?? "" }
        default: break
        }
    }

    /// What is not signed would not be taken back.
    private mutating func endThought() {
        guard let thought else { return }
        self.thought = nil
        guard !thought.signature.isEmpty else { return }
        let data = JSONWriter.bytes {
            $0.object {
                $0.member("type", "thinking")
                $0.member("thinking", thought.text)
                $0.member("signature", thought.signature)
            }
        }
        builder.keep(ModelReasoning(wire: Wire.anthropic.rawValue, data: RawJSON(data)))
    }

    /// Each count that comes replaces the one before: they are sums already. Input is in three parts here.
    private mutating func count(_ json: JSONElement?) {
        guard let json, json.kind == .object else { return }
        counts.merge(json.members.compactMap { member in member.value.int.map { (member.name, $0) } }) { $1 }
        func count(_ name: String) -> Int {
            let count = counts[name] ?? 0
            return (0...1 << 40).contains(count) ? count : 0
        }
        let read = count("cache_read_input_tokens")
        let written = count("cache_creation_input_tokens")
        builder.usage = ModelUsage(
            inputTokens: count("input_tokens") + read + written,
            cachedInputTokens: read,
            cacheWriteTokens: written,
            outputTokens: count("output_tokens")
        )
    }

    private static func finish(_ reason: String) -> ModelFinish {
        switch reason {
        case "end_turn", "stop_sequence": .stop
        case "tool_use": .toolCalls
        case "max_tokens", "model_context_window_exceeded": .length
        case "refusal": .refused
        case "pause_turn": .paused
        default: .other
        }
    }
}
