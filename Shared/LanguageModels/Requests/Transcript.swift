import JSON

/// A conversation in the form that no wire refuses.
///
/// It begins and ends with the user, and sides alternate. Nothing blank is said. Every call has an id that is its own
/// in the whole conversation, and exactly one result, right behind; where there is none, one says so, and what belongs
/// to no call is told as text. Reasoning is left out unless it is the wire's own.
struct Transcript: Sendable {
    enum Turn: Sendable, Hashable {
        /// Results in the order of the calls before, then what is said.
        case user(results: [ModelToolResult], text: String?)
        case assistant([ModelPart])
    }

    private(set) var turns: [Turn] = []
    private var results: [ModelToolResult] = []
    private var texts: [String] = []
    private var answer: [ModelPart] = []
    /// The calls that wait for their results: the id in the message, and on the wire.
    private var open: [(own: ModelToolCall, wire: String)] = []
    private var ids: Set<String> = []

    /// - Throws: where there is nothing to answer.
    init(_ messages: [ModelMessage], for wire: Wire) throws(ModelFailure) {
        for message in messages {
            if message.role == .assistant {
                for part in message.parts where Transcript.isKept(part, wire) { answer.append(part) }
            } else {
                if !message.parts.isEmpty { endAnswer() }
                for part in message.parts { hear(part) }
            }
        }
        endAnswer()
        guard !turns.isEmpty || !results.isEmpty || !texts.isEmpty else {
            throw ModelFailure(.requestRefused, "the conversation is empty", isRetryable: false)
        }
        endUser()
    }

    private static func isKept(_ part: ModelPart, _ wire: Wire) -> Bool {
        switch part {
        case .text(let text): !isBlank(text)
        case .toolCall: true
        case .reasoning(let reasoning): reasoning.wire == wire.rawValue
        case .toolResult: false
        }
    }

    private mutating func hear(_ part: ModelPart) {
        switch part {
        case .text(let text): if !Transcript.isBlank(text) { texts.append(text) }
        case .toolResult(let result): results.append(result)
        case .toolCall, .reasoning: break
        }
    }

    /// What the assistant has said becomes a turn, behind what the user said before.
    private mutating func endAnswer() {
        defer { answer = [] }
        // Reasoning has something behind it that it led to, or it is refused.
        while case .reasoning? = answer.last { answer.removeLast() }
        guard !answer.isEmpty else { return }
        endUser()
        turns.append(
            .assistant(
                answer.map { part in
                    guard case .toolCall(var call) = part else { return part }
                    let own = call
                    call.id = unused(call.id)
                    open.append((own, call.id))
                    return .toolCall(call)
                }
            )
        )
    }

    /// What the user has said becomes a turn; where that is nothing, a few words stand in for it.
    private mutating func endUser() {
        var matched: [ModelToolResult] = []
        for (own, wire) in open {
            var result: ModelToolResult
            if let found = results.firstIndex(where: { $0.callID == own.id }) {
                result = results.remove(at: found)
            } else {
                let text = "There is no result of this call."
                result = ModelToolResult(callID: wire, name: own.name, text: text, isError: true)
            }
            result.callID = wire
            matched.append(result)
        }
        let strays = results.map { "(The tool \($0.name) answered: \($0.text))" }
        let said = (strays + texts).joined(separator: "\n\n")
        let filler = turns.isEmpty ? "(The conversation began earlier.)" : "Continue."
        let text = said.isEmpty ? (matched.isEmpty ? filler : nil) : said
        turns.append(.user(results: matched, text: text))
        open = []
        results = []
        texts = []
    }

    private mutating func unused(_ id: String) -> String {
        let fitted = ToolNames.fitted(id, atMost: 60)
        var candidate = fitted
        var number = 2
        while !ids.insert(candidate).inserted {
            candidate = "\(fitted)_\(number)"
            number += 1
        }
        return candidate
    }

    private static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }
}
