import JSON

/// What `rules` says in one turn.
struct RulesTurn: Sendable {
    private static let shownCharacters = 200

    private(set) var parts: [ModelPart] = []

    init(_ request: ModelRequest) {
        let messages = request.messages
        let asked = messages.lastIndex { $0.role == .user }
        let text = asked.map { messages[$0].text } ?? ""
        let since = messages[(asked ?? messages.startIndex)...]
        let turn = since.count(where: { $0.role == .assistant })
        let stages = RulesScript(text).stages
        if stages.isEmpty {
            parts = [.text(RulesTurn.explanation(text))]
        } else if turn < stages.count {
            play(stages[turn], number: messages.count(where: { $0.role == .assistant }), messages, request.choice)
        } else {
            parts = [.text(RulesTurn.summary(of: since))]
        }
    }

    private mutating func play(
        _ stage: [RulesScript.Line],
        number: Int,
        _ messages: [ModelMessage],
        _ choice: ToolChoice
    ) {
        let memory = ToolMemory(messages)
        var said: [String] = []
        var calls: [ModelToolCall] = []
        for line in stage {
            switch line {
            case .answer(let text):
                // Exactly this, and nothing besides.
                parts = [.text(memory.filled(text))]
                return
            case .said(let text): said.append(text)
            case .call(let tool, let text):
                let arguments = ArgumentText(memory.filled(text))
                calls.append(arguments.call(id: "call_\(number)_\(calls.count)", name: tool))
            }
        }
        if choice == .none, !calls.isEmpty {
            said.append("No tools may be called now; I would have called \(calls.map(\.name).joined(separator: ", ")).")
            calls = []
        }
        if !said.isEmpty { parts.append(.text(said.joined(separator: "\n"))) }
        parts += calls.map { .toolCall($0) }
    }

    private static func explanation(_ text: String) -> String {
        "I am rules, which is not a language model: I play scripts. A line such as /tool {\"argument\": 1} calls a tool, "
            + "a line --- begins the next turn, and a line = {\"answer\": 1} is the answer. You said: \(text)"
    }

    private static func summary(of messages: ArraySlice<ModelMessage>) -> String {
        let lines = messages.flatMap(\.parts)
            .compactMap { part -> String? in
                guard case .toolResult(let result) = part else { return nil }
                let text = String(result.text.map { $0.isNewline ? " " : $0 })
                let short = text.count > shownCharacters ? text.prefix(shownCharacters) + "…" : text[...]
                return "\(result.name)\(result.isError ? " failed" : ""): \(short)"
            }
        return (["That was all."] + lines).joined(separator: "\n")
    }
}
