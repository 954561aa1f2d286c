/// What a model answered.
public struct ModelReply: Sendable {
    /// The provider's id of the answer.
    public var id: String?
    /// The model that answered, as the provider says.
    public var model: String?
    /// The answer, from the assistant.
    public var message: ModelMessage
    /// Why it ended.
    public var finish: ModelFinish
    /// What it used.
    public var usage: ModelUsage
    /// From the request, with all its attempts, to the first piece of the answer.
    public var timeToFirstChunk: Duration?

    /// A reply.
    public init(
        id: String? = nil,
        model: String? = nil,
        message: ModelMessage,
        finish: ModelFinish,
        usage: ModelUsage,
        timeToFirstChunk: Duration? = nil
    ) {
        self.id = id
        self.model = model
        self.message = message
        self.finish = finish
        self.usage = usage
        self.timeToFirstChunk = timeToFirstChunk
    }
}

/// Why an answer ended.
public enum ModelFinish: String, Sendable, Hashable, CaseIterable {
    /// All was said.
    case stop
    /// Tools are to be called; also where the wire said "stop" and there are calls.
    case toolCalls = "tool_calls"
    /// A limit of tokens cut it off; calls may be incomplete and are not to be executed.
    case length
    /// The model, or the provider's filter, will not answer.
    case refused
    /// The provider wants to be asked again with what there is.
    case paused
    /// The provider's own reason.
    case other
}

/// How many tokens an answer took.
public struct ModelUsage: Sendable, Hashable {
    /// All that went in, also what came from a cache or went into one.
    public var inputTokens: Int
    /// Those of them that came from the provider's cache.
    public var cachedInputTokens: Int
    /// Those of them that were written to it.
    public var cacheWriteTokens: Int
    /// All that came out, reasoning too.
    public var outputTokens: Int
    /// Those of them that were reasoning.
    public var reasoningTokens: Int
    /// Whether the provider said nothing and this is our guess: a token for four bytes.
    public var isEstimated: Bool

    /// A count.
    public init(
        inputTokens: Int = 0,
        cachedInputTokens: Int = 0,
        cacheWriteTokens: Int = 0,
        outputTokens: Int = 0,
        reasoningTokens: Int = 0,
        isEstimated: Bool = false
    ) {
        self.inputTokens = inputTokens
        self.cachedInputTokens = cachedInputTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.outputTokens = outputTokens
        self.reasoningTokens = reasoningTokens
        self.isEstimated = isEstimated
    }
}

/// A piece of an answer that is still coming.
public enum ModelDelta: Sendable, Hashable {
    /// The next characters said.
    case text(String)
    /// The next characters thought, where the provider shows them.
    case reasoning(String)
    /// A call of a tool has begun; its arguments follow with the reply.
    case toolCall(name: String)
}
