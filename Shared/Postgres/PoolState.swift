/// The pool's bookkeeping: who has which connection, who waits, what to open next. Pure; `Pool` does the rest.
///
/// A connection's way:
/// ```
///             opened             lent               returned, healthy
///   opening ──────────▶ idle ──────────▶ leased ───────────────────────▶ idle, or the next waiter's
///      │ failed           │ too old        │ returned broken or too old
///      ▼                  ▼                ▼
///   (backoff)          discarded        discarded
/// ```
/// At most `size` connections are opening, idle or leased together. While the server is away, callers wait for the
/// next attempt up to their deadline; after `patience` without success they are refused at once, and one attempt at
/// a time goes on, started by a caller that comes when the backoff has passed.
struct PoolState<Connection, Waiter: AnyObject> {
    typealias Instant = ContinuousClock.Instant

    struct Limits {
        var size: Int
        var maximumWaiters: Int
        var acquireDeadline: Duration
        var idleLifetime: Duration
    }

    enum Refusal {
        case closed
        case exhausted
        case unavailable
    }

    enum Acquisition {
        case lease(Connection)
        /// Wait for the waiter to be served; if told so, open a connection.
        case wait(opening: Bool)
        case refuse(Refusal)
    }

    private struct Idle {
        let connection: Connection
        let since: Instant
    }

    private struct Waiting {
        let waiter: Waiter
        let deadline: Instant
    }

    private let limits: Limits
    /// The most recently used last: lent first, so that spare ones grow old and are closed.
    private var idle: [Idle] = []
    private var waiting: [Waiting] = []
    private(set) var leased = 0
    private(set) var opening = 0
    private(set) var isClosed = false
    private var failures = 0
    private var failingSince: Instant?
    private var nextAttempt: Instant?

    init(_ limits: Limits) { self.limits = limits }

    var idleCount: Int { idle.count }
    var waitingCount: Int { waiting.count }
    var isDrained: Bool { leased == 0 && opening == 0 }

    /// Whether the server has been away for so long that callers should not wait.
    private func isGivenUp(_ now: Instant) -> Bool {
        failingSince.map { now - $0 >= limits.acquireDeadline } ?? false
    }

    mutating func acquire(_ waiter: Waiter, now: Instant) -> Acquisition {
        if isClosed { return .refuse(.closed) }
        if let last = idle.popLast() {
            leased += 1
            return .lease(last.connection)
        }
        let mayOpen = nextAttempt.map { now >= $0 } ?? true
        if isGivenUp(now) && leased == 0 && !(mayOpen && opening == 0) { return .refuse(.unavailable) }
        guard waiting.count < limits.maximumWaiters else { return .refuse(.exhausted) }
        waiting.append(Waiting(waiter: waiter, deadline: now + limits.acquireDeadline))
        let opens = mayOpen && wantsMore
        if opens { opening += 1 }
        return .wait(opening: opens)
    }

    /// More callers wait than connections are coming, there is room, and a failing server is tried by one at a time.
    private var wantsMore: Bool {
        guard !isClosed, waiting.count > opening, leased + opening + idle.count < limits.size else { return false }
        return failures == 0 || opening == 0
    }

    /// The longest waiting, to be given the connection that has become free; the caller says with `park` that it
    /// did not want it any more.
    mutating func nextWaiter() -> Waiter? {
        waiting.isEmpty ? nil : waiting.removeFirst().waiter
    }

    /// A leased connection has come back and nobody waits.
    mutating func park(_ connection: Connection, now: Instant) {
        leased -= 1
        idle.append(Idle(connection: connection, since: now))
    }

    /// A leased connection has come back and is thrown away. Returns whether to open another for those who wait.
    mutating func discard() -> Bool {
        leased -= 1
        return startOpening(now: nil)
    }

    /// An attempt to connect succeeded; the connection counts as leased until it is handed on or parked.
    mutating func opened() {
        opening -= 1
        leased += 1
        failures = 0
        failingSince = nil
        nextAttempt = nil
    }

    /// What to do after an attempt to connect failed.
    struct Failure {
        /// How many attempts failed in a row.
        let attempt: Int
        /// Those who are not to wait any longer.
        let refused: [Waiter]
        /// Whether somebody still waits, so that another attempt is due after the backoff.
        let retries: Bool
    }

    mutating func openFailed(now: Instant) -> Failure {
        opening -= 1
        failures += 1
        failingSince = failingSince ?? now
        var refused: [Waiter] = []
        if isGivenUp(now) && leased == 0 {
            refused = waiting.map(\.waiter)
            waiting = []
        }
        return Failure(attempt: failures, refused: refused, retries: !waiting.isEmpty && opening == 0)
    }

    /// No attempt before `instant`.
    mutating func holdAttempts(until instant: Instant) { nextAttempt = instant }

    /// Starts an attempt if one is wanted and not forbidden by the backoff (`now` `nil`: whatever the backoff says
    /// when no attempt has failed).
    mutating func startOpening(now: Instant?) -> Bool {
        if let nextAttempt, now.map({ $0 < nextAttempt }) ?? true { return false }
        guard wantsMore else { return false }
        opening += 1
        return true
    }

    /// A caller stopped waiting by itself.
    mutating func forget(_ waiter: Waiter) {
        waiting.removeAll { $0.waiter === waiter }
    }

    /// Those whose time is over, or will be before the next look, and connections that nobody has used for long.
    mutating func sweep(now: Instant, period: Duration) -> (expired: [Waiter], discarded: [Connection]) {
        let expired = waiting.prefix { $0.deadline <= now + period }.map(\.waiter)
        waiting.removeFirst(expired.count)
        let old = idle.prefix { now - $0.since >= limits.idleLifetime }.map(\.connection)
        idle.removeFirst(old.count)
        return (expired, old)
    }

    /// Whether an expired wait was for a server that does not answer, and not for connections that others use.
    var isWaitingForServer: Bool { leased == 0 }

    /// Refuses new callers; returns those who wait and the connections to end.
    mutating func close() -> (waiters: [Waiter], connections: [Connection]) {
        isClosed = true
        defer {
            waiting = []
            idle = []
        }
        return (waiting.map(\.waiter), idle.map(\.connection))
    }
}
