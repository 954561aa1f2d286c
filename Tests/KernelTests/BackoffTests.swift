import Kernel
import Testing

@Suite struct BackoffTests {
    let backoff = Backoff(from: .seconds(1), cap: .seconds(60))

    @Test func `the bound doubles up to the cap`() {
        #expect((1...8).map { backoff.bound(afterAttempt: $0) } == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.bound(afterAttempt: .max) == .seconds(60))
    }

    @Test func `the wait spreads over the whole range`() {
        #expect(backoff.wait(afterAttempt: 3, random: RandomSource { 0 }) == .zero)
        #expect(backoff.wait(afterAttempt: 3, random: RandomSource { 1 << 63 }) == .seconds(2))
        #expect(backoff.wait(afterAttempt: 3, random: RandomSource { .max }) < .seconds(4))
    }
}
