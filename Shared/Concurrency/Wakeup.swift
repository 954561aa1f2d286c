/// A signal to one loop that there is something to do. Signals that come before the loop looks are one signal.
public final class Wakeup: Sendable {
    private struct State {
        var pending = false
        var waiter: Promise<Bool>?
    }

    private let state = Lock(State())

    /// A wakeup without a pending signal.
    public init() {}

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
            return false
        }
        if pending { return true }
        let timer = Task {
            try await Task.sleep(for: limit)
            promise.succeed(false)
        }
        defer {
            timer.cancel()
            state.withLock { if $0.waiter === promise { $0.waiter = nil } }
        }
        return try await promise.value()
    }
}
