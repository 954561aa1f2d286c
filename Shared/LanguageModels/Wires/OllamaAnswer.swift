import JSON

/// Reads Ollama's lines. Calls come whole, mostly without ids; the line with `done` is the last.
struct OllamaAnswer: WireAnswer {
    var builder: AnswerBuilder
    private(set) var isComplete = false

    init(_ builder: AnswerBuilder) { self.builder = builder }

    mutating func take(_ data: String) throws(ModelFailure) {
        let line = try Self.object(data)
        if let error = line.value("error") { throw ModelFailure(event: error) }
        if builder.model == nil { builder.model = line["model"]?.string }
        let message = line["message"] ?? .null
        builder.think(message.value("thinking")?.string ?? "")
        builder.say(message.value("content")?.string ?? "")
        for call in (message["tool_calls"] ?? .null).elements {
            let function = call["function"] ?? .null
            try builder.call(
                whole: function.value("name")?.string ?? "",
                id: call.value("id")?.string,
                arguments: function.value("arguments")?.argumentText ?? ""
            )
        }
        guard line.value("done")?.bool == true else { return }
        builder.finish =
            switch line.value("done_reason")?.string {
            case "stop", nil: .stop
            case "length": .length
            default: .other
            }
        if line.value("eval_count") != nil {
            builder.usage = ModelUsage(
                inputTokens: line.count("prompt_eval_count"),
                outputTokens: line.count("eval_count")
            )
        }
        isComplete = true
    }
}
