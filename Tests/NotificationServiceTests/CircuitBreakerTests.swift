import Kernel
import Testing

@testable import NotificationService

/// The breaker and the lanes alone, without a clock of their own.
@Suite struct CircuitBreakerTests {
    private let rules = CircuitBreaker.Rules(failures: 3, initial: .seconds(1), cap: .seconds(4))
    private let start = ContinuousClock.now

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { breaker.failed(at: start, fraction: 1, rules) }
        return breaker
    }

    @Test func `only failures in a row open it`() {
        var breaker = CircuitBreaker()
        breaker.failed(at: start, fraction: 1, rules)
        breaker.failed(at: start, fraction: 1, rules)
        breaker.succeeded()
        breaker.failed(at: start, fraction: 1, rules)
        breaker.failed(at: start, fraction: 1, rules)
        #expect(breaker.places(of: 8, at: start) == 8)
        breaker.failed(at: start, fraction: 1, rules)
        #expect(breaker.places(of: 8, at: start) == 0)
        #expect(breaker.opensAgain(after: start) == start + .seconds(1))
    }

    @Test func `when its time is over one attempt decides`() {
        var breaker = opened()
        let later = start + .seconds(1)
        #expect(breaker.places(of: 8, at: later) == 1)
        breaker.began(at: later)
        #expect(breaker.state == .halfOpen(period: .seconds(1)))
        #expect(breaker.places(of: 8, at: later) == 1)
        breaker.succeeded()
        #expect(breaker.places(of: 8, at: later) == 8)
    }

    @Test func `each failed try doubles its rest, up to a bound, and success begins anew`() {
        var breaker = opened()
        var now = start
        var rests: [Duration] = []
        for _ in 0..<5 {
            let next = breaker.opensAgain(after: now) ?? now
            rests.append(next - now)
            now = next
            breaker.began(at: now)
            breaker.failed(at: now, fraction: 1, rules)
        }
        #expect(rests == [1, 2, 4, 4, 4].map { .seconds($0) })
        breaker.succeeded()
        #expect(breaker == CircuitBreaker())
    }

    @Test func `its rest is drawn from the upper half`() {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { breaker.failed(at: start, fraction: 0, rules) }
        #expect(breaker.opensAgain(after: start) == start + .milliseconds(500))
    }

    @Test func `late outcomes of earlier attempts change nothing but to the better`() {
        var breaker = opened()
        breaker.failed(at: start + .milliseconds(500), fraction: 1, rules)
        #expect(breaker.opensAgain(after: start) == start + .seconds(1))
        breaker.succeeded()
        #expect(breaker.places(of: 8, at: start) == 8)
    }

    @Test func `an attempt that learned nothing lets the next one decide`() {
        var breaker = opened()
        breaker.began(at: start + .seconds(1))
        breaker.learnedNothing(at: start + .seconds(1))
        #expect(breaker.places(of: 8, at: start + .seconds(1)) == 1)
        breaker.began(at: start + .seconds(1))
        #expect(breaker.state == .halfOpen(period: .seconds(1)))
    }

    @Test func `lanes share the places, and a shut one has none`() {
        var lanes = CallbackLanes(.init(atOnce: 4, perLane: 3, breaker: rules))
        for _ in 0..<3 { lanes.began("a", at: start) }
        lanes.began("b", at: start)
        #expect(lanes.free == 0)
        let places = Dictionary(uniqueKeysWithValues: lanes.places(at: start).map { ($0.lane, $0.places) })
        #expect(places == ["a": 0, "b": 2])
        #expect(lanes.ended("b", .delivered, at: start, random: .system) == false)
        var shutBy: [Bool] = []
        for _ in 0..<3 { shutBy.append(lanes.ended("a", .failed("x"), at: start, random: .system)) }
        #expect(shutBy == [false, false, true])
        #expect(lanes.shut(at: start).map(\.lane) == ["a"])
        #expect(lanes.free == 4)
        #expect(lanes.views(at: start).map(\.lane) == ["a"])
        #expect(lanes.places(at: start + .seconds(1)).map(\.places) == [1])
    }

    @Test func `a refusal is an answer, and what was not sent says nothing`() {
        var lanes = CallbackLanes(.init(atOnce: 4, perLane: 3, breaker: rules))
        for outcome in [CallbackOutcome.failed("x"), .failed("x"), .refused("404"), .failed("x"), .unsent("y")] {
            lanes.began("a", at: start)
            lanes.ended("a", outcome, at: start, random: .system)
        }
        #expect(lanes.shut(at: start).isEmpty)
        lanes.began("a", at: start)
        lanes.ended("a", .failed("x"), at: start, random: .system)
        lanes.began("a", at: start)
        lanes.ended("a", .failed("x"), at: start, random: .system)
        #expect(lanes.shut(at: start).count == 1)
    }

    @Test func `what is remembered of hosts is bounded`() {
        var lanes = CallbackLanes(.init(atOnce: 4, perLane: 3, breaker: rules, remembered: 10))
        for number in 0..<100 {
            lanes.began("host\(number)", at: start)
            lanes.ended("host\(number)", .failed("x"), at: start, random: .system)
        }
        #expect(lanes.views(at: start).count <= 10)
    }
}
