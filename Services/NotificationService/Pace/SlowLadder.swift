/// How far a client has fallen behind, and what is done about it. Pure: told what happens on its socket, it says what
/// to do.
///
/// ```
///             too much waits            nothing left for 5 s           nothing left for 20 s
///   normal ─────────────────▶ conflating ──────────────────▶ resyncing ─────────────────────▶ closed
///     ▲                          │ room                         │ room
///     │                          ▼ pay what is owed, conflated  ▼ snapshots
///     └────────── settled ───────┴──────────────────────────────┘
/// ```
///
/// On every rung but the first nothing is queued that the client has no room for: what it is owed is a place in the log
/// for each context, not a list of events. So a client that stands still costs what waits on its socket until it is
/// resyncing, and after that next to nothing.
struct SlowLadder: Sendable, Equatable {
    enum Rung: Sendable, Equatable {
        case normal
        case conflating
        /// What waited was thrown away. Nothing has left since the moment.
        case resyncing(ContinuousClock.Instant)
        case closed
    }

    /// What a client is owed when it has room again.
    enum Debt: Sendable, Equatable {
        /// What came since it fell behind, the newest of each job, and what was left out.
        case updates
        /// How everything stands.
        case snapshots
    }

    /// What is done to a client that takes nothing.
    enum Fall: Sendable, Equatable {
        case dropQueue
        case close
    }

    struct Limits: Sendable, Equatable {
        /// A client that has taken nothing for so long gets a snapshot when it goes on,
        var resyncAfter: Duration = .seconds(5)
        /// and is closed when it does not.
        var closeAfter: Duration = .seconds(20)
    }

    let limits: Limits
    private(set) var rung = Rung.normal

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Whether updates are queued as they come.
    var isNormal: Bool { rung == .normal }

    /// More than the soft limit waits. Returns whether the client falls behind by this.
    mutating func overflowed() -> Bool {
        guard rung == .normal else { return false }
        rung = .conflating
        return true
    }

    /// The socket has room. Returns what the client is owed.
    func roomCame() -> Debt? {
        switch rung {
        case .normal, .closed: nil
        case .conflating: .updates
        case .resyncing: .snapshots
        }
    }

    /// All that was owed was queued.
    mutating func settled() {
        if rung != .closed { rung = .normal }
    }

    /// Looked at from time to time, with the moment since when nothing has left although something waits.
    mutating func look(at now: ContinuousClock.Instant, stalledSince: ContinuousClock.Instant?) -> Fall? {
        switch rung {
        case .closed: return nil
        case .normal, .conflating:
            guard let since = stalledSince else { return nil }
            if now - since >= limits.closeAfter {
                rung = .closed
                return .close
            }
            guard rung == .conflating, now - since >= limits.resyncAfter else { return nil }
            rung = .resyncing(since)
            return .dropQueue
        case .resyncing(let since):
            // Of what had begun when the rest was thrown away, some may have left.
            let last = max(since, stalledSince ?? since)
            rung = .resyncing(last)
            guard now - last >= limits.closeAfter else { return nil }
            rung = .closed
            return .close
        }
    }
}
