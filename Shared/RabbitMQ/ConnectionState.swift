/// How a connection is.
///
/// ```
///                  ┌────────────── unblocked ───────────────┐
///                  ▼                                        │
///   connecting ─▶ ready ─────────── alarm ─────────────▶ blocked
///     ▲   │        │                                        │
///     │   └────────┴────▶ down ◀────────────────────────────┘
///     └─── backoff ────────┘          (every way out is a lost connection or the end of `run`)
/// ```
public enum ConnectionState: Sendable, Hashable {
    /// An attempt is under way.
    case connecting
    /// Logged in, topology declared.
    case ready
    /// The broker has an alarm (memory, disk) and accepts no messages for now.
    case blocked(reason: String)
    /// No connection, for this reason.
    case down(BrokerError)
}
