/// How long to wait before the next try: exponential, capped, and with full jitter so that
/// many who failed together do not come back together.
public struct Backoff: Sendable, Hashable {
    /// The upper bound of the first wait.
    public let initial: Duration
    /// The upper bound of every wait.
    public let cap: Duration
    /// By what the bound grows at each try.
    public let factor: Double

    /// A backoff whose n-th wait is uniform in `0 … min(cap, initial × factorⁿ⁻¹)`.
    public init(from initial: Duration, cap: Duration, factor: Double = 2) {
        self.initial = initial
        self.cap = cap
        self.factor = factor
    }

    /// The longest wait before try number `attempt + 1`, after `attempt` (1, 2, …) have failed.
    public func bound(afterAttempt attempt: Int) -> Duration {
        var micros = Double(initial.microseconds)
        let limit = Double(cap.microseconds)
        for _ in 1..<max(1, attempt) {
            micros *= factor
            if micros >= limit { break }
        }
        return .microseconds(Int64(min(micros, limit)))
    }

    /// A wait drawn uniformly from zero to the bound.
    public func wait(afterAttempt attempt: Int, random: RandomSource) -> Duration {
        .microseconds(Int64(Double(bound(afterAttempt: attempt).microseconds) * random.fraction()))
    }
}
