import Contracts
import Edge
import JSON
import Kernel

/// What somebody asks of a run, beside the message itself.
struct RunSettings: Sendable {
    /// Which calls somebody must allow first.
    enum Approval: String, Sendable, CaseIterable {
        /// None.
        case none
        /// Those that cannot be undone.
        case irreversible
        /// All that change anything.
        case write

        func isNeeded(for effect: Tool.Effect) -> Bool {
            switch self {
            case .none: false
            case .irreversible: effect == .irreversible
            case .write: effect != .read
            }
        }
    }

    var model: String
    var instructions: String?
    /// The only tools it may call; `nil` for all that its principal may.
    var tools: [String]?
    var approval = Approval.irreversible
    /// How long a call waits for its approval.
    var approvalTerm = Duration.seconds(86_400)
    var limits = RunLimits()
    /// What the answer must be as JSON.
    var output: RawJSON?
    var temperature: Double?
    /// How many tokens of a turn tell of the project; none without a project.
    var contextTokens = 4_000
    var card: CardID?

    /// The members of a body that say it.
    static let members: [JSONSchema.Property] = [
        .optional("model", .string(1...200).described("provider/model, as GET /api/models lists them")),
        .optional("instructions", .string(1...100_000).described("what the agent is and how it works")),
        .optional("tools", .array(of: .string(1...64), 0...200).described("the only tools it may call")),
        .optional(
            "approval",
            .word(Approval.allCases.map(\.rawValue)).defaulting(to: Approval.irreversible.rawValue)
                .described("which calls somebody must allow first")
        ),
        .optional("approval_ms", .integer(1_000...2_592_000_000).defaulting(to: 86_400_000)),
        .optional("limits", RunLimits.schema),
        .optional("output_schema", .anyObject.described("JSON Schema of the answer")),
        .optional("temperature", .number(0...2)),
        .optional(
            "context_tokens",
            .integer(0...200_000).defaulting(to: 4_000).described("how much of a turn may tell of the project")
        ),
        .optional("card_id", .uuid.described("the card that it is about")),
    ]
}

extension RunSettings {
    /// The settings that a body asks for, or that were stored.
    ///
    /// - Throws: `VALIDATION_FAILED` for an output schema that is none.
    init(_ json: JSONElement, model: String) throws {
        self.model = json.value("model")?.string ?? model
        instructions = json.value("instructions")?.string
        tools = json.value("tools").map { $0.elements.compactMap(\.string) }
        approval = json.value("approval")?.string.flatMap(Approval.init) ?? .irreversible
        approvalTerm = json.value("approval_ms")?.int.map { .milliseconds($0) } ?? approvalTerm
        limits = RunLimits(json.value("limits") ?? .null)
        if let schema = json.value("output_schema") {
            do {
                _ = try JSONSchema(parsing: schema)
            } catch {
                throw ServiceError.invalid("/output_schema\(error.pointer)", error.message)
            }
            output = try Bounds.object("output_schema", in: json)
        }
        temperature = json.value("temperature")?.double
        contextTokens = json.value("context_tokens")?.int ?? contextTokens
        card = json.value("card_id")?.string.flatMap { CardID($0) }
    }
}

extension RunSettings: JSONWritable {
    /// Writes the settings by the names of a body.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("model", model)
            $0.member("instructions", instructions)
            $0.member("tools", tools)
            $0.member("approval", approval.rawValue)
            $0.member("approval_ms", approvalTerm.milliseconds)
            $0.member("limits", limits)
            $0.member("output_schema", output)
            $0.member("temperature", temperature)
            $0.member("context_tokens", contextTokens)
            $0.member("card_id", card)
        }
    }
}
