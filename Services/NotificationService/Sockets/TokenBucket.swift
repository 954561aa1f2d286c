/// Lets so many things a second through, and as many at once.
struct TokenBucket: Sendable {
    private let rate: Double
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant

    init(perSecond rate: Int, at now: ContinuousClock.Instant = .now) {
        self.rate = Double(rate)
        tokens = Double(rate)
        filledAt = now
    }

    /// Takes one; `false` when there is none.
    mutating func take(at now: ContinuousClock.Instant = .now) -> Bool {
        tokens = min(rate, tokens + (now - filledAt) / .seconds(1) * rate)
        filledAt = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
