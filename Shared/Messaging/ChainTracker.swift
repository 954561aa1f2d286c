public import Contracts

/// Follows the chain of positions that published events form, and tells what an arriving one means.
///
/// ```
///              next in the chain ──▶ deliver, advance
///   following ─ not after the last ─▶ drop: seen already
///              something between ───▶ read the log from the last, then go on
///              another history ─────▶ start over
/// ```
public struct ChainTracker: Sendable {
    /// What to do with an arriving event.
    public enum Step: Hashable, Sendable {
        /// It is the next one.
        case deliver
        /// It was delivered before.
        case drop
        /// Events are missing before it, or it is not known what precedes it: read the log after the last place.
        case readLog
        /// It belongs to another history.
        case newHistory
    }

    /// The last event that was delivered.
    public private(set) var last: Position

    /// A tracker that stands at `last`.
    public init(last: Position) { self.last = last }

    /// Judges an event at `position` that says `previous` came before it.
    public func step(_ position: Position, after previous: Position) -> Step {
        guard position.epoch == last.epoch else { return .newHistory }
        guard last.isBefore(position) else { return .drop }
        // A relay that starts over may name an earlier predecessor than ours; what lies between we have seen.
        return previous == last || previous.isBefore(last) ? .deliver : .readLog
    }

    /// Notes that everything up to `position` was delivered.
    public mutating func advance(to position: Position) { last = position }
}
