/// A number of places, given out first come, first served. At most `maximumWaiters` wait; more are refused at once.
public final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiters: [Promise<Void>] = []
    }

    /// So many already wait that another would wait too long.
    public struct Full: Error {}

    private let state: Lock<State>
    private let maximumWaiters: Int

    /// A semaphore with `places` places.
    public init(places: Int, maximumWaiters: Int = .max) {
        state = Lock(State(free: places))
        self.maximumWaiters = maximumWaiters
    }

    /// Runs `body` while holding a place.
    ///
    /// - Throws: `Full` when too many wait, `CancellationError` when cancelled while waiting, else what `body` throws.
    public func withPlace<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await acquire()
        defer { release() }
        return try await body()
    }

    /// Takes a place, to be given back by `release`. Prefer `withPlace`.
    public func acquire() async throws {
        let promise = Promise<Void>()
        let (immediate, refused) = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return (true, false)
            }
            guard state.waiters.count < maximumWaiters else { return (false, true) }
            state.waiters.append(promise)
            return (false, false)
        }
        if refused { throw Full() }
        if immediate { return }
        do {
            try await promise.value()
        } catch {
            // Cancelled: either still in line, or a release already took the promise out and lost to the cancellation.
            state.withLock { $0.waiters.removeAll { $0 === promise } }
            throw error
        }
    }

    /// Takes a place if one is free.
    public func tryAcquire() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    /// Gives a place back.
    public func release() {
        while true {
            let next: Promise<Void>? = state.withLock { state in
                guard !state.waiters.isEmpty else {
                    state.free += 1
                    return nil
                }
                return state.waiters.removeFirst()
            }
            // A waiter that was cancelled in this instant does not take the place: offer it to the next.
            guard let next, !next.succeed(()) else { return }
        }
    }
}
