internal import Concurrency

/// Counts what is alive, refuses what is too many, and tells when all are gone.
final class Census: Sendable {
    enum Verdict {
        case welcome
        case tooMany
        case tooManyFromAddress
    }

    private struct State {
        var connections = 0
        var addresses: [String: Int] = [:]
        var tasks = 0
        var loops = 0
        var waiting: [(isOver: @Sendable (State) -> Bool, promise: Promise<Void>)] = []

        mutating func overdue() -> [Promise<Void>] {
            guard !waiting.isEmpty else { return [] }
            let over = waiting.filter { $0.isOver(self) }.map(\.promise)
            let state = self
            waiting.removeAll { $0.isOver(state) }
            return over
        }
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let state = Lock(State())

    init(limit: Int, limitPerAddress: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    var connections: Int { state.withLock { $0.connections } }
    var tasks: Int { state.withLock { $0.tasks } }

    /// Counts a connection, welcome or not.
    func enter(_ address: String) -> Verdict {
        state.withLock { state in
            state.connections += 1
            let fromAddress = state.addresses[address, default: 0] + 1
            state.addresses[address] = fromAddress
            if state.connections > limit { return .tooMany }
            return fromAddress > limitPerAddress ? .tooManyFromAddress : .welcome
        }
    }

    func leave(_ address: String) {
        change { state in
            state.connections -= 1
            let left = state.addresses[address, default: 1] - 1
            state.addresses[address] = left > 0 ? left : nil
        }
    }

    func taskStarted() { state.withLock { $0.tasks += 1 } }
    func taskEnded() { change { $0.tasks -= 1 } }
    func loopStarted() { state.withLock { $0.loops += 1 } }
    func loopStopped() { change { $0.loops -= 1 } }

    /// Waits until no connection and no task is left. Returns whether that came within `limit`.
    func empty(within limit: Duration) async -> Bool {
        await wait(within: limit) { $0.connections == 0 && $0.tasks == 0 }
    }

    /// Waits until no loop is left. Returns whether that came within `limit`.
    func loopsStopped(within limit: Duration) async -> Bool { await wait(within: limit) { $0.loops == 0 } }

    private func wait(within limit: Duration, until isOver: @escaping @Sendable (State) -> Bool) async -> Bool {
        let promise = Promise<Void>()
        let already = state.withLock { state in
            if isOver(state) { return true }
            state.waiting.append((isOver, promise))
            return false
        }
        if already { return true }
        do {
            try await withDeadline(limit, for: "the server to become empty") { try await promise.value() }
            return true
        } catch {
            // The deadline passed, or the caller was cancelled: either way it waited long enough.
            return false
        }
    }

    private func change(_ body: @Sendable (inout State) -> Void) {
        let over = state.withLock { state in
            body(&state)
            return state.overdue()
        }
        for promise in over { promise.succeed(()) }
    }
}
