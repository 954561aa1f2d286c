/// Which messages of a transcript are sent: the pinned ones and the newest, as many as fit, without a gap.
///
/// A call of a tool and its results are sent together or not at all, because providers refuse one without the other. So
/// a transcript can be cut only where no call still waits for its results:
///
/// ```
///   user   assistant   assistant: calls a, b   result b   user   result a   assistant
///        ✂           ✂                                                    ✂
/// ```
struct TranscriptFit: Sendable {
    /// What is to be known of a message.
    struct Message: Sendable {
        let id: String
        let tokens: Int
        /// The ids of the calls that it makes or whose results it brings.
        var calls: [String] = []
        /// Sent in any case, such as the task. It holds no part of a call.
        var isPinned = false
    }

    /// The newest messages cannot be sent within the budget.
    struct Overflow: Error, Equatable, CustomStringConvertible {
        /// What must be sent costs.
        let tokens: Int
        let budget: Int

        var description: String { "what must be sent costs \(tokens) tokens, and \(budget) are left" }
    }

    /// The places in the transcript of what is sent.
    let sent: [Int]
    /// The messages as parts of a context, in order.
    let parts: [ContextPart]
    /// What those that are sent cost.
    let tokens: Int

    /// Fits a transcript, oldest message first, into a budget.
    ///
    /// - Throws: `Overflow` when the pinned messages and the newest one, with the call that it may belong to, are too much.
    static func fit(_ messages: [Message], budget: Int) throws(Overflow) -> TranscriptFit {
        let isCut = cuts(in: messages)
        var tokens = messages.reduce(0) { $0 + ($1.isPinned ? $1.tokens : 0) }
        var start = messages.count
        var piece = 0
        for index in messages.indices.reversed() {
            if !messages[index].isPinned { piece += messages[index].tokens }
            guard isCut[index] else { continue }
            guard tokens + piece <= budget else {
                if start == messages.count { throw Overflow(tokens: tokens + piece, budget: budget) }
                break
            }
            tokens += piece
            piece = 0
            start = index
        }
        guard tokens <= budget else { throw Overflow(tokens: tokens, budget: budget) }
        return TranscriptFit(messages, from: start, tokens: tokens)
    }

    private init(_ messages: [Message], from start: Int, tokens: Int) {
        sent = messages.indices.filter { $0 >= start || messages[$0].isPinned }
        parts = messages.enumerated()
            .map { index, message in
                ContextPart(
                    kind: .message,
                    id: message.id,
                    tokens: message.tokens,
                    score: index,
                    omission: index >= start || message.isPinned ? nil : .overBudget
                )
            }
        self.tokens = tokens
    }

    /// Whether the transcript may begin at each message.
    private static func cuts(in messages: [Message]) -> [Bool] {
        var last: [String: Int] = [:]
        for (index, message) in messages.enumerated() {
            for call in message.calls { last[call] = index }
        }
        var open = -1
        return messages.enumerated()
            .map { index, message in
                defer { for call in message.calls { open = max(open, last[call] ?? index) } }
                return index > open
            }
    }
}
