/// What the broker said about one message.
public enum Outcome: Sendable, Hashable {
    /// Every queue it was routed to has it, on disk where that was asked for.
    case confirmed
    /// It was mandatory and reached no queue.
    case returned(code: Int, text: String)
    /// A queue refused it, for instance because it is full.
    case nacked
}
