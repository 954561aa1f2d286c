import Concurrency
import Kernel
import Telemetry

/// The shared part of a pool: outlives the `Pool` value only until its tasks have ended.
final class PoolCore: Sendable {
    typealias Waiter = Promise<Connection>
    typealias State = PoolState<Connection, Waiter>

    let settings: PoolSettings
    let metrics: PoolMetrics
    private let logger: Logger
    private let random: RandomSource
    private let canceller = Canceller()
    private let state: Lock<State>
    private let drained = Wakeup()
    private let sweepPeriod: Duration

    init(_ settings: PoolSettings, logger: Logger, metrics: Metrics, random: RandomSource) {
        self.settings = settings
        self.logger = logger
        self.random = random
        self.metrics = PoolMetrics(metrics, pool: settings.applicationName)
        state = Lock(
            State(
                .init(
                    size: settings.size,
                    maximumWaiters: settings.maximumWaiters,
                    acquireDeadline: settings.acquireDeadline,
                    idleLifetime: settings.idleLifetime
                )
            )
        )
        sweepPeriod = max(.milliseconds(5), min(.seconds(1), settings.acquireDeadline / 8))
    }

    // MARK: Lending

    func acquire() async throws -> Connection {
        let waiter = Waiter()
        let now = ContinuousClock.now
        switch state.withLock({ $0.acquire(waiter, now: now) }) {
        case .lease(let connection):
            return connection
        case .refuse(let refusal):
            metrics.refused.add()
            throw Self.error(refusal)
        case .wait(let opening):
            if opening { startOpening() }
        }
        metrics.waiting.add(1)
        defer {
            metrics.waiting.add(-1)
            metrics.acquireWait.record(ContinuousClock.now - now)
        }
        do {
            return try await waiter.value()
        } catch {
            state.withLock { $0.forget(waiter) }
            throw error
        }
    }

    /// Takes a connection back: for the next who waits, for later, or out.
    func release(_ connection: Connection) {
        guard connection.signals.isUsable, !isTooOld(connection) else {
            discardLeased()
            return
        }
        handOn(connection)
    }

    private func handOn(_ connection: Connection) {
        while true {
            let now = ContinuousClock.now
            let (next, isClosed): (Waiter?, Bool) = state.withLock { state in
                if state.isClosed { return (nil, true) }
                if let waiter = state.nextWaiter() { return (waiter, false) }
                state.park(connection, now: now)
                return (nil, false)
            }
            if isClosed {
                discardLeased()
                return
            }
            // One who was cancelled in this instant does not take it: the next then.
            guard let next, !next.succeed(connection) else { return }
        }
    }

    private func discardLeased() {
        metrics.open.add(-1)
        if state.withLock({ $0.discard() }) { startOpening() }
        if state.withLock({ $0.isClosed && $0.isDrained }) { drained.signal() }
    }

    /// Each connection has a lifetime of its own, up to a tenth shorter, taken from when it was opened.
    private func isTooOld(_ connection: Connection) -> Bool {
        let age = ContinuousClock.now - connection.openedAt
        let spread = Double(UInt(bitPattern: ObjectIdentifier(connection).hashValue) % 1000) / 10_000
        return age >= settings.maximumLifetime * (1 - spread)
    }

    // MARK: Opening

    /// The task ends by itself: it makes one attempt, or several while callers wait, each with a deadline.
    private func startOpening() {
        Task { await openUntilServed() }
    }

    private func openUntilServed() async {
        while true {
            do {
                let connection = try await Connection.open(settings, name: "postgres", canceller: canceller)
                state.withLock { $0.opened() }
                metrics.open.add(1)
                handOn(connection)
                // Those who came during a failing attempt did not start one of their own.
                if state.withLock({ $0.startOpening(now: .now) }) { continue }
                return
            } catch {
                guard await backOff(after: error) else { return }
            }
        }
    }

    /// Returns whether to try again.
    private func backOff(after error: any Error) async -> Bool {
        let failure = state.withLock { $0.openFailed(now: .now) }
        let wait = settings.reconnect.wait(afterAttempt: failure.attempt, random: random)
        state.withLock { $0.holdAttempts(until: .now + wait) }
        metrics.connectFailures.add()
        if failure.attempt == 1 || failure.attempt.isMultiple(of: 20) {
            logger.warning("cannot connect to postgres", ["error": "\(error)", "attempt": failure.attempt])
        }
        for waiter in failure.refused { waiter.fail(PostgresError.unavailable(nil)) }
        if state.withLock({ $0.isClosed && $0.isDrained }) { drained.signal() }
        guard failure.retries else { return false }
        do {
            try await Task.sleep(for: wait)
        } catch {
            return false
        }
        return state.withLock { $0.startOpening(now: .now) }
    }

    // MARK: Keeping

    /// Ends waits whose time is over and connections that grew old, until cancelled.
    func sweep() async {
        while true {
            do {
                try await Task.sleep(for: sweepPeriod)
            } catch {
                return
            }
            let (expired, old, isWaitingForServer) = state.withLock { state in
                let (expired, old) = state.sweep(now: .now, period: sweepPeriod)
                return (expired, old, state.isWaitingForServer)
            }
            metrics.open.add(-old.count)
            metrics.refused.add(expired.count)
            for waiter in expired {
                waiter.fail(isWaitingForServer ? PostgresError.unavailable(nil) : Self.error(.exhausted))
            }
            // The backoff may have held back an attempt that is due by now.
            if state.withLock({ $0.startOpening(now: .now) }) { startOpening() }
        }
    }

    /// Refuses new callers at once.
    func beginClosing() {
        let (waiters, connections) = state.withLock { $0.close() }
        metrics.open.add(-connections.count)
        for waiter in waiters { waiter.fail(PostgresError.closed) }
        if state.withLock({ $0.isDrained }) { drained.signal() }
    }

    /// Waits until all lent connections are back, at most `limit`. Returns whether they are.
    func waitUntilDrained(within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while !state.withLock({ $0.isDrained }) {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            do {
                _ = try await drained.wait(atMost: left)
            } catch {
                return false
            }
        }
        return true
    }

    private static func error(_ refusal: State.Refusal) -> PostgresError {
        switch refusal {
        case .closed: .closed
        case .unavailable: .unavailable(nil)
        case .exhausted: PostgresError(.poolExhausted, "all connections are in use and too many callers wait")
        }
    }
}
