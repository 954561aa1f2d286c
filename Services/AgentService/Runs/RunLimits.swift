import JSON
import Kernel

/// How much a run may use up, its children included.
struct RunLimits: Sendable, Hashable {
    /// Turns of the model, the last one included.
    var turns = 20
    var toolCalls = 50
    /// What goes in and what comes out of all turns together.
    var tokens: Int?
    /// Millionths of a currency's unit.
    var cost: Int?
    /// From the message to the answer, waiting included.
    var wallTime = Duration.seconds(3_600)
    /// Tokens of one answer.
    var answerTokens = 4_096

    static let schema = JSONSchema.object([
        .optional("turns", .integer(1...500).defaulting(to: 20)),
        .optional("tool_calls", .integer(0...2_000).defaulting(to: 50)),
        .optional("tokens", .integer(1...1_000_000_000).described("of all turns, in and out")),
        .optional("cost_micros", .integer(1...1_000_000_000_000).described("millionths of a currency's unit")),
        .optional("wall_ms", .integer(1_000...2_592_000_000).defaulting(to: 3_600_000)),
        .optional("answer_tokens", .integer(16...1_000_000).defaulting(to: 4_096).described("of one turn's answer")),
    ])

    init() {}

    init(_ json: JSONElement) {
        turns = json.value("turns")?.int ?? turns
        toolCalls = json.value("tool_calls")?.int ?? toolCalls
        tokens = json.value("tokens")?.int
        cost = json.value("cost_micros")?.int
        wallTime = json.value("wall_ms")?.int.map { .milliseconds($0) } ?? wallTime
        answerTokens = json.value("answer_tokens")?.int ?? answerTokens
    }
}

extension RunLimits: JSONWritable {
    /// Writes the limits by the names of a body.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("turns", turns)
            $0.member("tool_calls", toolCalls)
            $0.member("tokens", tokens)
            $0.member("cost_micros", cost)
            $0.member("wall_ms", wallTime.milliseconds)
            $0.member("answer_tokens", answerTokens)
        }
    }
}

/// What a run has used up.
struct RunUsage: Sendable, Hashable {
    var turns = 0
    var toolCalls = 0
    var inputTokens = 0
    var outputTokens = 0
    var cost = 0

    var tokens: Int { inputTokens + outputTokens }
}

extension RunUsage: JSONWritable {
    /// Writes the usage as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("turns", turns)
            $0.member("tool_calls", toolCalls)
            $0.member("input_tokens", inputTokens)
            $0.member("output_tokens", outputTokens)
            $0.member("cost_micros", cost)
        }
    }
}
