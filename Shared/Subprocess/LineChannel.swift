internal import Concurrency

/// Lines on their way from the loop to one reader. Full at `capacity` lines or `maximumBytes`, after which the loop
/// reads no more.
final class LineChannel: Sendable {
    private struct State {
        var lines: [OutputLine] = []
        var taken = 0
        /// Bytes of the lines that wait.
        var bytes = 0
        var isFinished = false
        var isDiscarding = false
        var waiter: Promise<Void>?
        var count: Int { lines.count - taken }
    }

    /// Reading goes on below these; what one read brings may exceed them.
    private let capacity: Int
    private let maximumBytes: Int
    private let state = Lock(State())

    init(capacity: Int = 256, maximumBytes: Int = 1 << 20) {
        self.capacity = capacity
        self.maximumBytes = maximumBytes
    }

    var isFull: Bool { state.withLock { isFull($0) } }

    private func isFull(_ state: State) -> Bool { state.count >= capacity || state.bytes >= maximumBytes }

    func append(_ lines: [OutputLine]) {
        guard !lines.isEmpty else { return }
        wake { state in
            guard !state.isDiscarding else { return }
            state.lines += lines
            state.bytes += lines.reduce(0) { $0 + $1.text.utf8.count }
        }
    }

    /// No more lines will come.
    func finish() { wake { $0.isFinished = true } }

    /// Nobody reads any more: what comes is dropped.
    func discard() {
        wake {
            $0.isDiscarding = true
            $0.lines = []
            $0.taken = 0
            $0.bytes = 0
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.succeed(())
    }

    /// The next line, and whether taking it made room for more.
    func take() async throws -> (line: OutputLine?, madeRoom: Bool) {
        while true {
            var promise: Promise<Void>?
            let ready: (OutputLine?, Bool)? = state.withLock { state in
                guard state.count > 0 else {
                    if state.isFinished || state.isDiscarding { return (nil, false) }
                    promise = Promise()
                    state.waiter = promise
                    return nil
                }
                let line = state.lines[state.taken]
                let wasFull = isFull(state)
                state.taken += 1
                state.bytes -= line.text.utf8.count
                // Half full, so that not every line wakes the loop; or no longer full by its bytes.
                let madeRoom = state.count == capacity / 2 || wasFull && !isFull(state)
                // Half of the array at least goes, so that each line is moved once on average.
                if state.taken * 2 >= state.lines.count {
                    state.lines.removeFirst(state.taken)
                    state.taken = 0
                }
                return (line, madeRoom)
            }
            if let ready { return ready }
            try await promise?.value()
        }
    }
}
