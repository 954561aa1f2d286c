import Contracts
import Edge
import Testing

@Suite struct RateLimiterTests {
    let start = ContinuousClock.now

    @Test func `lets a burst through, then the rate`() throws {
        let limiter = RateLimiter(rate: 10, burst: 3)
        for _ in 0..<3 { try limiter.admit("a", at: start) }
        #expect { try limiter.admit("a", at: start) } throws: { error in
            (error as? ServiceError)?.code == .rateLimited && (error as? ServiceError)?.retryAfter == .milliseconds(100)
        }
        try limiter.admit("b", at: start)
        try limiter.admit("a", at: start + .milliseconds(100))
        #expect(throws: ServiceError.self) { try limiter.admit("a", at: start + .milliseconds(150)) }
        for _ in 0..<3 { try limiter.admit("a", at: start + .seconds(60)) }
    }

    @Test func `a rate of zero limits nothing`() throws {
        let limiter = RateLimiter(rate: 0, burst: 1)
        for _ in 0..<1000 { try limiter.admit("a", at: start) }
    }
}
