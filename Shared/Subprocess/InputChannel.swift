internal import Concurrency

/// Bytes on their way from writers to the loop. Full at `capacity`, after which writers wait.
final class InputChannel: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isFinished = false
        var isEnded = false
        var waiter: Promise<Void>?
    }

    /// Writing goes on below this; what one write brings may exceed it.
    private let capacity: Int
    private let state = Lock(State())
    /// One writer at a time waits for room, the others for their turn: texts are never mixed.
    private let turn = AsyncSemaphore(places: 1, maximumWaiters: 1_000)

    init(capacity: Int = 256 << 10) { self.capacity = capacity }

    /// Whether more may come.
    var isOpen: Bool { state.withLock { !$0.isFinished && !$0.isEnded } }

    /// Everything that waits.
    func take() -> [UInt8] {
        wake { state in
            defer { state.bytes = [] }
            return state.bytes
        }
    }

    /// Nothing more will be written; what waits still is.
    func finish() { wake { $0.isFinished = true } }

    /// Nobody reads any more.
    func end() {
        wake {
            $0.isEnded = true
            $0.bytes = []
        }
    }

    private func wake<Value: Sendable>(_ change: (inout State) -> Value) -> Value {
        let (value, waiter) = state.withLock { state in
            let value = change(&state)
            defer { state.waiter = nil }
            return (value, state.waiter)
        }
        waiter?.succeed(())
        return value
    }

    /// Hands bytes over; waits while too many wait already.
    func put(_ bytes: [UInt8]) async throws {
        do {
            try await turn.withPlace { try await putNext(bytes) }
        } catch is AsyncSemaphore.Full {
            throw ProgramInput.Closed()
        }
    }

    private func putNext(_ bytes: [UInt8]) async throws {
        while true {
            var promise: Promise<Void>?
            let isTaken = try state.withLock { state in
                if state.isFinished || state.isEnded { throw ProgramInput.Closed() }
                if state.bytes.isEmpty || state.bytes.count < capacity {
                    state.bytes += bytes
                    return true
                }
                promise = Promise()
                state.waiter = promise
                return false
            }
            if isTaken { return }
            try await promise?.value()
        }
    }
}
