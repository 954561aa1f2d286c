import Contracts

/// One context that a session watches.
///
/// ```
///   catching up ──reached the ring──▶ live ──another history, overtaken, resynced──▶ catching up
/// ```
struct Subscription: Sendable {
    /// What a watcher wants of a job that changes fast.
    enum Mode: String, Sendable {
        /// Every change, as long as it keeps up.
        case all
        /// The newest, with the others told as skipped, whenever it has room.
        case latest
    }

    /// From where a subscription begins, and what is said on the way.
    struct Start: Sendable {
        /// The place to go on from; without one there is a snapshot, or nothing if that is not wanted.
        var cursor: String?
        var wantsSnapshot = true
        /// Why there is a snapshot, if there is one.
        var reason: Snapshot.Reason
        /// Whether only the newest of what was missed counts.
        var conflates = false
        /// To be answered by `subscribed`; `nil` when the client has not asked.
        var request: Request?
    }

    struct Request: Sendable { let id: String? }

    let number: UInt64
    let mode: Mode
    /// While it catches up.
    var task: Task<Void, Never>?
    /// Set when live: what came up to here was queued.
    var given: Position?
    /// Up to where the loop had handed out updates when it became live.
    var joinedAt: Position?
}
