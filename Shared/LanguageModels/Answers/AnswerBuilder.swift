import JSON

/// What an answer has become so far, whichever wire it comes over.
///
/// Parts keep the order in which they began. Each delta is what the caller is to give out.
struct AnswerBuilder: Sendable {
    private enum Part: Sendable {
        /// Which of `texts`, where it grows in place.
        case text(Int)
        case call(Int)
        case reasoning(ModelReasoning)
    }

    var id: String?
    var model: String?
    /// Why it ended, as far as the wire has said.
    var finish: ModelFinish?
    /// What the provider counted; `nil` as long as it has said nothing.
    var usage: ModelUsage?
    private(set) var calls: ToolCallAssembler
    private let names: ToolNames
    private var parts: [Part] = []
    private var texts: [String] = []
    private var known: Set<Int> = []
    /// Bytes of text, thought and arguments, for an estimate.
    private var bytes = 0
    private var deltas: [ModelDelta] = []

    init(_ names: ToolNames, _ limits: AnswerLimits) {
        self.names = names
        calls = ToolCallAssembler(limits)
    }

    /// The deltas since they were last taken.
    mutating func takeDeltas() -> [ModelDelta] {
        defer { deltas = [] }
        return deltas
    }

    /// The next characters said.
    mutating func say(_ text: String) {
        guard !text.isEmpty else { return }
        bytes += text.utf8.count
        deltas.append(.text(text))
        if case .text? = parts.last {
            texts[texts.count - 1] += text
        } else {
            parts.append(.text(texts.count))
            texts.append(text)
        }
    }

    /// The next characters thought, of which nothing is kept.
    mutating func think(_ text: String) {
        guard !text.isEmpty else { return }
        bytes += text.utf8.count
        deltas.append(.reasoning(text))
    }

    /// A thought as its wire wants it back.
    mutating func keep(_ reasoning: ModelReasoning) { parts.append(.reasoning(reasoning)) }

    /// A piece of a call; says which.
    @discardableResult
    mutating func call(_ piece: ToolCallAssembler.Piece) throws(ModelFailure) -> Int {
        bytes += (piece.arguments ?? "").utf8.count
        let (call, begins) = try calls.add(piece)
        note(call)
        if let begins { deltas.append(.toolCall(name: names.own(begins))) }
        return call
    }

    /// A call that came in one piece.
    mutating func call(whole name: String, id: String?, arguments: String) throws(ModelFailure) {
        bytes += arguments.utf8.count
        note(try calls.add(whole: name, id: id, arguments: arguments))
        deltas.append(.toolCall(name: names.own(name)))
    }

    /// More arguments of a call.
    mutating func append(_ arguments: String, to call: Int) throws(ModelFailure) {
        bytes += arguments.utf8.count
        try calls.append(arguments, to: call)
    }

    /// The arguments of a call, if none have come in pieces.
    mutating func complete(_ call: Int, arguments: String) throws(ModelFailure) {
        try calls.complete(call, arguments: arguments)
    }

    private mutating func note(_ call: Int) {
        if known.insert(call).inserted { parts.append(.call(call)) }
    }

    /// The reply, of which the provider has said that it is whole.
    func reply(to requestBytes: Int) -> ModelReply {
        let assembled = calls.assembled()
        let message = ModelMessage(
            .assistant,
            parts.map { part in
                switch part {
                case .text(let index): return .text(texts[index])
                case .reasoning(let reasoning): return .reasoning(reasoning)
                case .call(let index):
                    var call = assembled[index]
                    call.name = names.own(call.name)
                    return .toolCall(call)
                }
            }
        )
        let guess = ModelUsage(inputTokens: requestBytes / 4, outputTokens: (bytes + 3) / 4, isEstimated: true)
        return ModelReply(id: id, model: model, message: message, finish: end, usage: usage ?? guess)
    }

    /// Calls count for more than the word for the end: several servers say "stop" behind them.
    private var end: ModelFinish {
        switch finish ?? .other {
        case .stop, .other: calls.isEmpty ? finish ?? .other : .toolCalls
        case .toolCalls: calls.isEmpty ? .stop : .toolCalls
        case let finish: finish
        }
    }
}
