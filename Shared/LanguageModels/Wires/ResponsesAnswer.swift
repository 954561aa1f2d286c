import JSON

/// Reads the events of a response.
///
/// What is needed is taken from the items as they come; the objects that repeat it are used only where nothing came
/// before, as servers other than OpenAI's leave out much of them. Sequence numbers are not asked for, events that are
/// not known are skipped, and the last event is `response.completed`, `.incomplete` or `.failed`.
struct ResponsesAnswer: WireAnswer {
    var builder: AnswerBuilder
    private(set) var isComplete = false
    private var items = ResponseItems()
    /// Which call an item is.
    private var calls: [ResponseItems.Number: Int] = [:]
    /// Messages of which some text has come.
    private var spoken: Set<ResponseItems.Number> = []
    private var isRefused = false

    init(_ builder: AnswerBuilder) { self.builder = builder }

    mutating func take(_ data: String) throws(ModelFailure) {
        // Not in the contract, but some gateways send it.
        if data.hasPrefix("[DONE]") { return }
        let event = try Self.object(data)
        let item = event["item"] ?? .null
        let delta = event["delta"]?.string ?? ""
        switch event["type"]?.string {
        case "response.created", "response.in_progress": begin(event["response"] ?? .null)
        case "response.output_item.added": try add(item, items.begin(event))
        case "response.output_text.delta": say(delta, in: items.number(event))
        case "response.refusal.delta":
            isRefused = true
            say(delta, in: items.number(event))
        case "response.reasoning_summary_text.delta", "response.reasoning_text.delta": builder.think(delta)
        case "response.function_call_arguments.delta": try append(delta, to: items.number(event))
        case "response.function_call_arguments.done":
            try complete(items.number(event), event["arguments"])
        case "response.output_item.done": try finish(item, items.number(event))
        case "response.completed", "response.incomplete": try end(event["response"] ?? .null)
        case "response.failed": throw ModelFailure(event: event["response"]?.value("error") ?? .null)
        case "error": throw ModelFailure(event: event.value("error") ?? event)
        default: break
        }
    }

    private mutating func begin(_ response: JSONElement) {
        builder.id = response.value("id")?.string ?? builder.id
        builder.model = response.value("model")?.string ?? builder.model
    }

    private mutating func say(_ text: String, in item: ResponseItems.Number) {
        spoken.insert(item)
        builder.say(text)
    }

    private mutating func add(_ item: JSONElement, _ number: ResponseItems.Number) throws(ModelFailure) {
        guard item["type"]?.string == "function_call", calls[number] == nil else { return }
        calls[number] = try builder.call(
            ToolCallAssembler.Piece(
                index: number,
                id: (item.value("call_id") ?? item.value("id"))?.string,
                name: item.value("name")?.string,
                arguments: item.value("arguments")?.string
            )
        )
    }

    private mutating func append(_ text: String, to item: ResponseItems.Number) throws(ModelFailure) {
        guard let call = calls[item] else { throw .invalid("has arguments of a call that it has not announced") }
        try builder.append(text, to: call)
    }

    private mutating func complete(_ item: ResponseItems.Number, _ arguments: JSONElement?) throws(ModelFailure) {
        if let call = calls[item] { try builder.complete(call, arguments: arguments?.string ?? "") }
    }

    private mutating func finish(_ item: JSONElement, _ number: ResponseItems.Number) throws(ModelFailure) {
        switch item["type"]?.string {
        case "message":
            guard !spoken.contains(number) else { return }
            for content in (item["content"] ?? .null).elements {
                if content["type"]?.string == "refusal" { isRefused = true }
                say((content.value("text") ?? content.value("refusal"))?.string ?? "", in: number)
            }
        case "function_call":
            try add(item, number)
            try complete(number, item["arguments"])
        case "reasoning":
            // Without its encrypted content the provider would look for it in what we asked it not to store.
            guard item.value("encrypted_content") != nil else { return }
            builder.keep(ModelReasoning(wire: Wire.openAIResponses.rawValue, data: item.raw))
        default: break
        }
    }

    private mutating func end(_ response: JSONElement) throws(ModelFailure) {
        begin(response)
        if items.isEmpty {
            for (number, item) in (response["output"] ?? .null).elements.enumerated() { try finish(item, number) }
        }
        if let usage = response.value("usage") { builder.usage = Self.usage(usage) }
        builder.finish =
            switch response["incomplete_details"]?.value("reason")?.string {
            case "max_output_tokens": .length
            case "content_filter": .refused
            case nil: isRefused ? .refused : .stop
            default: .other
            }
        isComplete = true
    }

    private static func usage(_ json: JSONElement) -> ModelUsage {
        let input = json["input_tokens_details"] ?? .null
        return ModelUsage(
            inputTokens: json.count("input_tokens"),
            cachedInputTokens: input.count("cached_tokens"),
            cacheWriteTokens: input.count("cache_write_tokens"),
            outputTokens: json.count("output_tokens"),
            reasoningTokens: (json["output_tokens_details"] ?? .null).count("reasoning_tokens")
        )
    }
}
