/// Where a child stands between its start and its end.
///
/// ```
///              stop                      grace over
///   running ─────────▶ terminating ───────────────────▶ killed
///      │   SIGTERM to the group │   SIGKILL to the group   │
///      │ exit                   │ exit                     │ exit
///      └────────────────────────┴──────────┬───────────────┘
///                                          ▼  SIGKILL to what is left of the group
///                                      draining ── both streams ended, or silent for a second ──▶ over
/// ```
enum StopPhase: Hashable {
    case running(until: ContinuousClock.Instant)
    case terminating(Ending.Reason, until: ContinuousClock.Instant)
    case killed(Ending.Reason)
    case draining(Ending.Reason?, until: ContinuousClock.Instant)

    /// What is to be done to the group.
    enum Order: Hashable {
        case terminate, kill
    }

    /// When something happens by itself.
    var deadline: ContinuousClock.Instant? {
        switch self {
        case .running(let until), .terminating(_, let until), .draining(_, let until): until
        case .killed: nil
        }
    }

    /// Why it was stopped, if it was.
    var reason: Ending.Reason? {
        switch self {
        case .running: nil
        case .terminating(let reason, _), .killed(let reason): reason
        case .draining(let reason, _): reason
        }
    }

    /// Asks a running child to end; later wishes change nothing.
    mutating func stop(_ reason: Ending.Reason, at now: ContinuousClock.Instant, grace: Duration) -> Order? {
        guard case .running = self else { return nil }
        self = .terminating(reason, until: now + grace)
        return .terminate
    }

    /// Time has passed.
    mutating func pass(to now: ContinuousClock.Instant, grace: Duration) -> Order? {
        switch self {
        case .running(let until) where until <= now: return stop(.timedOut, at: now, grace: grace)
        case .terminating(let reason, let until) where until <= now:
            self = .killed(reason)
            return .kill
        default: return nil
        }
    }

    /// The program has ended, or a part of its last words was read.
    mutating func drain(from now: ContinuousClock.Instant) { self = .draining(reason, until: now + .seconds(1)) }
}
