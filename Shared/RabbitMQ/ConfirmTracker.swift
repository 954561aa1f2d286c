/// Matches the broker's answers to published messages.
///
/// ```
///                       ┌── ack ──────────────▶ confirmed
///   sent (tag n) ───────┼── nack ─────────────▶ nacked
///        │              └── ack (all up to m ≥ n)
///        └── return ──▶ returned, then ack ───▶ returned(code, text)
/// ```
/// A return comes before the ack of its message and carries no tag. Returns come in the order of publishing, but a
/// routed message before it may still be waiting for its queue: a return therefore belongs to the oldest message
/// not yet returned that has its exchange, routing key and message id.
struct ConfirmTracker<Token> {
    /// By what a returned message is recognised.
    struct Fingerprint: Hashable {
        var exchange: String
        var routingKey: String
        var messageID: String?
    }

    private struct Entry {
        let token: Token
        let fingerprint: Fingerprint
        var returned: Outcome?
    }

    private var window = TagWindow<Entry>()

    /// How many messages have no answer yet.
    var count: Int { window.count }
    /// The token of the message that has waited longest.
    var oldest: Token? { window.oldest?.token }

    /// Notes a message that was just written and returns its tag.
    @discardableResult
    mutating func sent(_ token: Token, _ fingerprint: Fingerprint) -> UInt64 {
        window.append(Entry(token: token, fingerprint: fingerprint))
    }

    /// Notes a `basic.return`; `false` when no message matches.
    mutating func returned(_ fingerprint: Fingerprint, code: Int, text: String) -> Bool {
        window.updateFirst(where: { $0.returned == nil && $0.fingerprint == fingerprint }) {
            $0.returned = .returned(code: code, text: text)
        }
    }

    /// Takes a `basic.ack` or `basic.nack`; the answered messages in order of publishing.
    mutating func answered(_ tag: UInt64, multiple: Bool, positive: Bool) -> [(token: Token, outcome: Outcome)] {
        // Tag 0 with `multiple` means all that were sent.
        let everything = multiple && tag == 0
        return window.settle(everything ? window.next - 1 : tag, multiple: multiple)
            .map { entry in
                (entry.token, positive ? entry.returned ?? .confirmed : .nacked)
            }
    }
}
