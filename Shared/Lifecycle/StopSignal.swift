import Concurrency

/// Tells a service to finish: take nothing new, complete or hand back what it has, and return.
public final class StopSignal: Sendable {
    private struct State {
        var raised = false
        var waiters: [Promise<Void>] = []
    }

    private let state = Lock(State())

    /// A signal that is not raised.
    public init() {}

    /// Whether it is time to finish.
    public var isRaised: Bool { state.withLock { $0.raised } }

    /// Raises the signal, for good.
    public func raise() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            state.raised = true
            return state.waiters
        }
        for waiter in waiters { waiter.succeed(()) }
    }

    /// Waits until the signal is raised or the task is cancelled, whichever comes first.
    public func wait() async {
        let promise = Promise<Void>()
        let raised = state.withLock { state in
            if !state.raised { state.waiters.append(promise) }
            return state.raised
        }
        if raised { return }
        do {
            try await promise.value()
        } catch {
            // Cancelled: the caller sees it at its next step, and the waiter must not stay behind.
            state.withLock { $0.waiters.removeAll { $0 === promise } }
        }
    }

    /// Runs `body` and cancels it when the signal is raised; the `CancellationError` that results is not an error.
    public func cancelling(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                await self.wait()
                return false
            }
            defer { group.cancelAll() }
            if try await group.next() == true { return }
            group.cancelAll()
            do {
                _ = try await group.next()
            } catch is CancellationError {
                // This is what was asked for.
            }
        }
    }
}
