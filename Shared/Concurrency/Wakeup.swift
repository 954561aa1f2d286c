/// A signal to one loop that there is something to do. Signals that come before the loop looks are one signal.
public final class Wakeup: Sendable {
    private struct State {
        var pending = false
        var waiter: Promise<Bool>?
        /// When the waiter has waited long enough.
        var deadline: ContinuousClock.Instant?
        /// When the timer looks next; `nil` when there is none.
        var looksAt: ContinuousClock.Instant?
        var timer: Task<Void, Never>?
    }

    private let state = Lock(State())

    /// A wakeup without a pending signal.
    public init() {}

    deinit { state.withLock { $0.timer }?.cancel() }

    /// Lets the waiting loop, or the next wait, go on at once.
    public func signal() {
        let waiter: Promise<Bool>? = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.pending = true }
            return state.waiter
        }
        waiter?.succeed(true)
    }

    /// Waits for a signal, at most `limit`. One loop at a time. Returns whether a signal came.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func wait(atMost limit: Duration) async throws -> Bool {
        let promise = Promise<Bool>()
        let pending = state.withLock { state in
            if state.pending {
                state.pending = false
                return true
            }
            state.waiter = promise
            let deadline = ContinuousClock.now + limit
            state.deadline = deadline
            // A loop that is woken a thousand times a second must not make a thousand timers: one stays, and looks
            // when it is due whether the waiter of that moment is.
            if state.looksAt.map({ deadline < $0 }) ?? true { startTimer(&state, at: deadline) }
            return false
        }
        if pending { return true }
        defer { state.withLock { if $0.waiter === promise { $0.waiter = nil } } }
        return try await promise.value()
    }

    private func startTimer(_ state: inout State, at moment: ContinuousClock.Instant) {
        state.timer?.cancel()
        state.looksAt = moment
        // Owned by the wakeup, whose end cancels it.
        state.timer = Task { [weak self] in
            var next: ContinuousClock.Instant? = moment
            while let moment = next {
                do { try await Task.sleep(until: moment, clock: .continuous) } catch { return }
                next = self?.look()
            }
        }
    }

    /// Lets the waiter go if it has waited long enough. Returns when to look again; `nil` ends the timer.
    private func look() -> ContinuousClock.Instant? {
        let (waiter, next): (Promise<Bool>?, ContinuousClock.Instant?) = state.withLock { state in
            // A timer that was replaced just now leaves the state to its successor.
            if Task.isCancelled { return (nil, nil) }
            guard let waiter = state.waiter, let deadline = state.deadline else {
                state.looksAt = nil
                return (nil, nil)
            }
            if deadline > .now {
                state.looksAt = deadline
                return (nil, deadline)
            }
            state.waiter = nil
            state.looksAt = nil
            return (waiter, nil)
        }
        waiter?.succeed(false)
        return next
    }
}
