/// Which contexts a token may watch, as its claim `contexts` says: a context, or the beginning of some.
///
/// `card:019c…` is that card, `project:*` is every project, `queue:gpu-*` every queue of such a name, and `*` is
/// everything but `all`, which must be named.
public struct ContextPattern: Hashable, Sendable, LosslessStringConvertible {
    /// The pattern; a card's bare id has its `card:`.
    public let description: String
    private let beginning: String
    private let isExact: Bool

    /// Reads a pattern; `nil` for what can match nothing.
    public init?(_ text: String) {
        guard (1...150).contains(text.utf8.count) else { return nil }
        if let context = ContextID(text) {
            (description, beginning, isExact) = (Self.text(of: context), Self.text(of: context), true)
            return
        }
        guard text.hasSuffix("*") else { return nil }
        let beginning = String(text.dropLast())
        let kind = beginning.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isKnown = kind.count == 2 && ["card", "job", "project", "queue", "thread", "run"].contains(kind[0])
        guard beginning.isEmpty || isKnown, !beginning.contains("*") else { return nil }
        (description, self.beginning, isExact) = (text, beginning, false)
    }

    /// Whether it allows a context.
    public func matches(_ context: ContextID) -> Bool {
        let text = Self.text(of: context)
        return isExact ? text == beginning : context != .all && text.hasPrefix(beginning)
    }

    private static func text(of context: ContextID) -> String {
        if case .card(let id) = context { "card:\(id)" } else { context.description }
    }
}
