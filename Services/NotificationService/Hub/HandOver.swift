import Concurrency

/// Updates on their way to the sockets of several loops: counts how many frames that are, until all loops are done.
final class HandOver: Sendable {
    private let state: Lock<(sum: Int, missing: Int)>
    private let promise = Promise<Void>()
    private let whenDone: @Sendable (Int) -> Void

    init(_ count: Int, whenDone: @escaping @Sendable (Int) -> Void) {
        state = Lock((0, count))
        self.whenDone = whenDone
    }

    var isDone: Bool { state.withLock { $0.missing == 0 } }

    func add(_ count: Int) {
        let total: Int? = state.withLock { state in
            state.sum += count
            state.missing -= 1
            return state.missing == 0 ? state.sum : nil
        }
        guard let total else { return }
        whenDone(total)
        promise.succeed(())
    }

    func done() async throws { try await promise.value() }
}
