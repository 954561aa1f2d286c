import Kernel

/// Whether a target is worth an attempt. A value without clock or waiting; who uses it brings the time.
///
/// ```
///             so many failures in a row               its time is over
///   closed ─────────────────────────────▶ open ────────────────────────▶ half-open: one attempt
///     ▲ ▲                                 ▲  │                              │          │
///     │ └───────── a late success ────────┼──┘                              │          │
///     │                                   └─── it failed: twice as long ────┘          │
///     └──────────────────────────────────────── it succeeded ──────────────────────────┘
/// ```
struct CircuitBreaker: Sendable, Equatable {
    /// When it opens, and for how long.
    struct Rules: Sendable {
        /// Failures in a row that open it.
        var failures = 5
        /// How long it is open at first, and at most.
        var initial: Duration = .seconds(1)
        var cap: Duration = .seconds(60)
    }

    enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant, period: Duration)
        /// An attempt is under way that decides.
        case halfOpen(period: Duration)

        var word: String {
            switch self {
            case .closed: "closed"
            case .open: "open"
            case .halfOpen: "half_open"
            }
        }
    }

    private(set) var state = State.closed(failures: 0)

    /// How many attempts may be under way: all of `places`, one, or none.
    func places(of places: Int, at now: ContinuousClock.Instant) -> Int {
        switch state {
        case .closed: places
        case .open(let until, _): now < until ? 0 : 1
        case .halfOpen: 1
        }
    }

    /// When the next attempt is worth it; `nil` when it is now.
    func opensAgain(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard case .open(let until, _) = state, now < until else { return nil }
        return until
    }

    /// An attempt began.
    mutating func began(at now: ContinuousClock.Instant) {
        if case .open(let until, let period) = state, now >= until { state = .halfOpen(period: period) }
    }

    /// The target answered, however late.
    mutating func succeeded() { state = .closed(failures: 0) }

    /// The target did not answer, or not as one that is well. `fraction` is random, so that those who wait for the
    /// same target do not come back together.
    mutating func failed(at now: ContinuousClock.Instant, fraction: Double, _ rules: Rules) {
        switch state {
        case .closed(let failures) where failures + 1 < rules.failures: state = .closed(failures: failures + 1)
        case .closed: open(for: rules.initial, at: now, fraction)
        case .halfOpen(let period): open(for: min(period * 2, rules.cap), at: now, fraction)
        // Of an attempt that began before it opened.
        case .open: break
        }
    }

    /// The attempt ended without a word on the target: the next one decides.
    mutating func learnedNothing(at now: ContinuousClock.Instant) {
        if case .halfOpen(let period) = state { state = .open(until: now, period: period) }
    }

    private mutating func open(for period: Duration, at now: ContinuousClock.Instant, _ fraction: Double) {
        state = .open(until: now + period * (0.5 + fraction / 2), period: period)
    }
}
