public import JSON

/// What a model is asked.
public struct ModelRequest: Sendable {
    /// The provider's own name of the model.
    public var model: String
    /// What stands above the conversation.
    public var instructions: String?
    /// The conversation, oldest first.
    public var messages: [ModelMessage]
    /// What the model may call.
    public var tools: [ModelTool]
    /// Whether it may, or must.
    public var choice: ToolChoice
    /// What the answer's text must be, where it is to be JSON. Wires differ in how well they keep to it: check.
    public var output: OutputSchema?
    /// How long the answer may become.
    public var maximumOutputTokens: Int?
    /// How freely the model chooses; left out, the provider decides.
    public var temperature: Double?
    /// The same for a repetition; sent as the wire's idempotency or request id where it has one.
    public var id: String

    /// A request.
    public init(
        model: String,
        instructions: String? = nil,
        messages: [ModelMessage],
        tools: [ModelTool] = [],
        choice: ToolChoice = .auto,
        output: OutputSchema? = nil,
        maximumOutputTokens: Int? = nil,
        temperature: Double? = nil,
        id: String
    ) {
        self.model = model
        self.instructions = instructions
        self.messages = messages
        self.tools = tools
        self.choice = choice
        self.output = output
        self.maximumOutputTokens = maximumOutputTokens
        self.temperature = temperature
        self.id = id
    }
}

/// A tool as a model sees it.
public struct ModelTool: Sendable, Hashable {
    /// Its name. Wires that allow fewer characters are sent another one, and never show it.
    public var name: String
    /// What it does and when to use it.
    public var summary: String
    /// A JSON Schema of an object.
    public var input: RawJSON

    /// A tool.
    public init(name: String, summary: String, input: RawJSON) {
        self.name = name
        self.summary = summary
        self.input = input
    }
}

/// Whether a model may call tools.
public enum ToolChoice: Sendable, Hashable {
    /// As it likes.
    case auto
    /// It may not.
    case none
    /// It must call one. Ollama's wire cannot say so.
    case required
    /// It must call this one. Ollama's wire is then told of no other.
    case tool(String)
}

/// What an answer in JSON must look like.
public struct OutputSchema: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// A JSON Schema.
    public var schema: RawJSON

    /// A schema.
    public init(name: String, schema: RawJSON) {
        self.name = name
        self.schema = schema
    }
}
