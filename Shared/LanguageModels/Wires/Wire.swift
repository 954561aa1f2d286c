import JSON

/// How a provider is spoken to.
public enum Wire: String, Sendable, Hashable, CaseIterable {
    /// OpenAI's Chat Completions, which most servers speak.
    case openAIChat = "openai-chat"
    /// OpenAI's Responses.
    case openAIResponses = "openai-responses"
    /// Anthropic's Messages.
    case anthropic
    /// Ollama's own.
    case ollama

    /// What follows the provider's URL.
    var path: String {
        switch self {
        case .openAIChat: "/chat/completions"
        case .openAIResponses: "/responses"
        case .anthropic: "/messages"
        case .ollama: "/api/chat"
        }
    }

    /// What a request carries beside its body.
    func headers(key: String?, requestID: String) -> [(name: String, value: String)] {
        var headers = [(name: "Content-Type", value: "application/json")]
        switch self {
        case .openAIChat, .openAIResponses:
            headers.append(("Accept", "text/event-stream"))
            headers.append(("Idempotency-Key", requestID))
            headers.append(("X-Client-Request-Id", requestID))
            if let key { headers.append(("Authorization", "Bearer \(key)")) }
        case .anthropic:
            headers.append(("Accept", "text/event-stream"))
            headers.append(("anthropic-version", "2023-06-01"))
            headers.append(("Idempotency-Key", requestID))
            if let key { headers.append(("x-api-key", key)) }
        case .ollama:
            headers.append(("Accept", "application/x-ndjson"))
            if let key { headers.append(("Authorization", "Bearer \(key)")) }
        }
        return headers
    }

    /// The request's body.
    func body(of request: ModelRequest, _ names: ToolNames, _ options: WireOptions) throws(ModelFailure) -> [UInt8] {
        let transcript = try Transcript(request.messages, for: self)
        return switch self {
        case .openAIChat: ChatRequest(request, transcript, names, options).body
        case .openAIResponses: ResponsesRequest(request, transcript, names, options).body
        case .anthropic: MessagesRequest(request, transcript, names, options).body
        case .ollama: OllamaRequest(request, transcript, names, options).body
        }
    }

    /// What reads the answer's events.
    func answer(_ builder: AnswerBuilder) -> any WireAnswer {
        switch self {
        case .openAIChat: ChatAnswer(builder)
        case .openAIResponses: ResponsesAnswer(builder)
        case .anthropic: MessagesAnswer(builder)
        case .ollama: OllamaAnswer(builder)
        }
    }
}

/// What providers of one wire differ in.
struct WireOptions: Sendable, Hashable {
    /// Chat Completions: the member that limits the answer. OpenAI's own is `max_completion_tokens`; older servers know
    /// `max_tokens` only.
    var tokenLimitMember = "max_completion_tokens"
    /// Responses: whether to ask for reasoning in a form that can be sent back. Models that do not reason refuse that.
    var encryptedReasoning = true
    /// What is known of the model.
    var facts = ModelFacts()
}

/// Reads the events of one wire's answer.
protocol WireAnswer: Sendable {
    /// What there is so far.
    var builder: AnswerBuilder { get set }
    /// Whether the event came that ends an answer.
    var isComplete: Bool { get }
    /// Takes the data of an event, or a line.
    mutating func take(_ data: String) throws(ModelFailure)
}

extension WireAnswer {
    /// The JSON of an event.
    ///
    /// - Throws: when it is no object.
    static func object(_ data: String) throws(ModelFailure) -> JSONElement {
        do {
            let root = try JSONDocument(parsing: data).root
            if root.kind == .object { return root }
        } catch {
            throw .invalid("has an event that is not JSON")
        }
        throw .invalid("has an event that is no object")
    }
}
