import Kernel

/// When to try again: backoff grows with each failure and starts over once a connection has held for a while.
struct Reconnecting {
    private let backoff: Backoff
    private let random: RandomSource
    private let settled: Duration
    private var failures = 0
    private var readySince: ContinuousClock.Instant?

    /// A connection that held for `settled` counts as a success.
    init(_ settings: ConnectionSettings) {
        backoff = settings.backoff
        random = settings.random
        settled = settings.heartbeat
    }

    /// Whether the present connection got as far as working.
    var isReady: Bool { readySince != nil }

    mutating func becameReady(at now: ContinuousClock.Instant) { readySince = now }

    /// How long to wait after a failed attempt or a lost connection.
    mutating func waitAfterFailure(at now: ContinuousClock.Instant) -> Duration {
        // One that was lost at once does not: a broker that accepts and then closes is not to be hammered.
        if let readySince, now - readySince >= settled { failures = 0 }
        readySince = nil
        failures += 1
        return backoff.wait(afterAttempt: failures, random: random)
    }
}
