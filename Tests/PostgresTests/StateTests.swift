import Testing

@testable import Postgres

/// The pure parts, without a server.
@Suite(.timeLimit(.minutes(1))) struct StateTests {
    final class Waiter {}
    typealias State = PoolState<String, Waiter>

    private let start = ContinuousClock.now

    private func state(size: Int = 2, waiters: Int = 2) -> State {
        State(
            .init(size: size, maximumWaiters: waiters, acquireDeadline: .seconds(5), idleLifetime: .seconds(60))
        )
    }

    private func waits(_ acquisition: State.Acquisition, opening: Bool) -> Bool {
        if case .wait(let opens) = acquisition { opens == opening } else { false }
    }

    private func refuses(_ acquisition: State.Acquisition, _ refusal: State.Refusal) -> Bool {
        if case .refuse(let why) = acquisition { why == refusal } else { false }
    }

    @Test func `the pool opens up to its size, then lets wait, then refuses`() {
        var state = state(size: 1, waiters: 2)
        #expect(waits(state.acquire(Waiter(), now: start), opening: true))
        #expect(waits(state.acquire(Waiter(), now: start), opening: false))
        #expect(refuses(state.acquire(Waiter(), now: start), .exhausted))
    }

    @Test func `waiters are served in order, and the last used connection is lent first`() {
        var state = state()
        let waiters = [Waiter(), Waiter()]
        for waiter in waiters { _ = state.acquire(waiter, now: start) }
        state.opened()
        state.opened()
        let served = [state.nextWaiter(), state.nextWaiter(), state.nextWaiter()]
        #expect(served[0] === waiters[0] && served[1] === waiters[1] && served[2] == nil)
        state.park("one", now: start)
        state.park("two", now: start)
        guard case .lease("two") = state.acquire(Waiter(), now: start) else {
            Issue.record("the older one was lent")
            return
        }
    }

    @Test func `while the server is away callers wait, then are refused at once, until an attempt is due`() {
        var state = state()
        let waiter = Waiter()
        _ = state.acquire(waiter, now: start)
        let early = state.openFailed(now: start)
        #expect(early.refused.isEmpty && early.retries)
        state.holdAttempts(until: start + .seconds(1))
        #expect(state.startOpening(now: start) == false)
        #expect(state.startOpening(now: start + .seconds(1)) == true)
        let late = state.openFailed(now: start + .seconds(6))
        #expect(late.refused.first === waiter && !late.retries)
        state.holdAttempts(until: start + .seconds(7))
        #expect(refuses(state.acquire(Waiter(), now: start + .seconds(6)), .unavailable))
        #expect(waits(state.acquire(Waiter(), now: start + .seconds(7)), opening: true))
        #expect(refuses(state.acquire(Waiter(), now: start + .seconds(7)), .unavailable))
        #expect(state.isWaitingForServer)
        state.opened()
        #expect(!state.isWaitingForServer)
    }

    @Test func `those whose time runs out before the next look are expired, and no others`() {
        var state = state(waiters: 5)
        let waiters = [Waiter(), Waiter()]
        _ = state.acquire(waiters[0], now: start)
        _ = state.acquire(waiters[1], now: start + .seconds(2))
        let (expired, _) = state.sweep(now: start + .milliseconds(4500), period: .seconds(1))
        #expect(expired.count == 1 && expired.first === waiters[0])
        #expect(state.waitingCount == 1)
    }

    @Test func `a broken connection is replaced only for those who wait`() {
        var state = state(size: 1)
        _ = state.acquire(Waiter(), now: start)
        state.opened()
        _ = state.nextWaiter()
        #expect(state.discard() == false)
        _ = state.acquire(Waiter(), now: start)
        state.opened()
        _ = state.nextWaiter()
        _ = state.acquire(Waiter(), now: start)
        #expect(state.discard() == true)
    }

    @Test func `a closed pool refuses, and is drained when all came back`() {
        var state = state()
        _ = state.acquire(Waiter(), now: start)
        state.opened()
        let closed = state.close()
        #expect(closed.waiters.count == 1)
        #expect(refuses(state.acquire(Waiter(), now: start), .closed))
        #expect(!state.isDrained)
        #expect(state.discard() == false)
        #expect(state.isDrained)
    }

    @Test func `an exchange is cancelled once, waits for the delivery, and is given up after the grace`() {
        var exchange = Exchange(deadline: start + .seconds(1), grace: .seconds(2))
        func advance(_ seconds: Int, cancelled: Bool = false, delivered: Bool = false) -> Exchange.Action {
            exchange.advance(now: start + .seconds(seconds), isCancelled: cancelled, isDelivered: delivered)
        }
        guard case .wait = advance(0) else { Issue.record("not waiting"); return }
        guard case .sendCancel = advance(1) else { Issue.record("not cancelled"); return }
        #expect(exchange.awaitsDelivery)
        guard case .wait = advance(1, cancelled: true) else { Issue.record("cancelled twice"); return }
        guard case .wait = advance(2, delivered: true) else { Issue.record("not waiting for the results"); return }
        #expect(!exchange.awaitsDelivery)
        #expect(exchange.cause == .deadline)
        guard case .abandon(.deadline) = advance(3) else { Issue.record("not given up"); return }
    }

    @Test func `a signal meant for an earlier lease is ignored`() {
        let signals = ConnectionSignals()
        let first = signals.beginLease()
        signals.requestCancel(ofLease: first)
        #expect(signals.isCancelRequested)
        let second = signals.beginLease()
        #expect(!signals.isCancelRequested)
        signals.requestCancel(ofLease: first)
        #expect(!signals.isCancelRequested)
        signals.requestCancel(ofLease: second)
        #expect(signals.isCancelRequested)
    }

    @Test func `parameters are numbered as they come, also in nested statements`() {
        let inner: SQL = "b = \(2) OR c = \("x")"
        let outer: SQL = "SELECT \(1) WHERE (\(inner)) AND d = \(nil as Int?) \(unchecked: "-- $9")"
        #expect(outer.text == "SELECT $1 WHERE (b = $2 OR c = $3) AND d = $4 -- $9")
        #expect(outer.parameters.parameters.map(\.length) == [8, 8, 1, -1])
    }

    @Test func `the least recently used statement is forgotten first`() {
        var cache = StatementCache(capacity: 2)
        let keys = ["a", "b", "c"].map { StatementCache.Key(SQL(unchecked: $0)) }
        cache.insert(keys[0], name: "s1", columns: nil)
        cache.insert(keys[1], name: "s2", columns: nil)
        let kept = cache.find(keys[0])
        #expect(kept != nil)
        cache.insert(keys[2], name: "s3", columns: nil)
        let (forgotten, retired) = (cache.find(keys[1]), cache.takeRetired())
        #expect(forgotten == nil)
        #expect(retired == ["s2"])
        #expect(cache.count == 2)
    }
}
