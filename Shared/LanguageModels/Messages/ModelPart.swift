public import JSON

/// A piece of a message.
public enum ModelPart: Sendable, Hashable {
    /// What is said.
    case text(String)
    /// The model asks for a tool.
    case toolCall(ModelToolCall)
    /// What a tool answered.
    case toolResult(ModelToolResult)
    /// What the model thought, for its own eyes.
    case reasoning(ModelReasoning)
}

/// A tool that a model wants called.
public struct ModelToolCall: Sendable, Hashable {
    /// What its result is told apart by, among the calls of one message.
    public var id: String
    /// The tool's name, as the model wrote it: there may be no such tool.
    public var name: String
    /// A JSON object; nothing says that it fits the tool's schema.
    public var arguments: RawJSON
    /// Why what came is no JSON object; `arguments` is then empty.
    public var defect: String?
    /// What came instead of a JSON object.
    public var text: String?

    /// A call.
    public init(id: String, name: String, arguments: RawJSON, defect: String? = nil, text: String? = nil) {
        self.id = id
        self.name = name
        self.arguments = arguments
        self.defect = defect
        self.text = text
    }
}

/// What a tool answered.
public struct ModelToolResult: Sendable, Hashable {
    /// The id of the call.
    public var callID: String
    /// The tool's name.
    public var name: String
    /// The answer.
    public var text: String
    /// Whether the call failed.
    public var isError: Bool

    /// A result.
    public init(callID: String, name: String, text: String, isError: Bool = false) {
        self.callID = callID
        self.name = name
        self.text = text
        self.isError = isError
    }
}

/// What a model thought, in a form that only its own wire understands. It goes back there unchanged.
public struct ModelReasoning: Sendable, Hashable {
    /// Which wire it came over.
    public var wire: String
    /// What that wire wants to have back.
    public var data: RawJSON

    /// A thought.
    public init(wire: String, data: RawJSON) {
        self.wire = wire
        self.data = data
    }
}
