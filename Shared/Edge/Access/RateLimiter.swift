import Concurrency
import Contracts

/// Limits how often each caller may call: a steady rate, and a burst on top of it (GCRA).
public final class RateLimiter: Sendable {
    private let interval: Duration
    private let tolerance: Duration
    private let arrivals = Lock<[String: ContinuousClock.Instant]>([:])
    private let maximumCallers = 100_000

    /// A limit of `rate` calls a second with `burst` at once; a rate of 0 limits nothing.
    public init(rate: Int, burst: Int) {
        interval = rate == 0 ? .zero : .seconds(1) / rate
        tolerance = interval * max(0, burst - 1)
    }

    /// Counts a call.
    ///
    /// - Throws: `RATE_LIMITED`, with the time after which the caller may call again.
    public func admit(_ caller: String, at now: ContinuousClock.Instant = .now) throws {
        guard interval > .zero else { return }
        let wait: Duration? = arrivals.withLock { arrivals in
            // Who has not called for long has no debt, and need not be remembered.
            if arrivals.count >= maximumCallers { arrivals = arrivals.filter { $0.value > now } }
            let expected = max(arrivals[caller] ?? now, now)
            guard expected - now <= tolerance else { return expected - now - tolerance }
            arrivals[caller] = expected + interval
            return nil
        }
        if let wait { throw ServiceError(.rateLimited, "too many requests", retryAfter: wait) }
    }
}
