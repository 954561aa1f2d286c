import Concurrency

/// What a request has to say to its client: notifications, and at the end its answer. At most so many notifications
/// wait; beyond that the oldest go, which for progress is no loss.
final class MCPOutbox: Sendable {
    /// What is to be sent next.
    enum Item: Sendable {
        case notification([UInt8])
        case answer([UInt8], status: Int)
        /// Nothing more comes.
        case end
    }

    private struct State {
        var notifications: [[UInt8]] = []
        var answer: Item?
    }

    private let state = Lock(State())
    private let wakeup = Wakeup()
    private let bound = 100

    /// Sends a notification, unless the answer is out.
    func notify(_ message: [UInt8]) {
        state.withLock { state in
            guard state.answer == nil else { return }
            if state.notifications.count == bound { state.notifications.removeFirst() }
            state.notifications.append(message)
        }
        wakeup.signal()
    }

    /// Sends the answer, or ends without one. Only the first counts.
    func finish(_ answer: Item) {
        state.withLock { if $0.answer == nil { $0.answer = answer } }
        wakeup.signal()
    }

    /// The next item, in order; `nil` when none came in time. For one reader.
    func next(atMost limit: Duration) async throws -> Item? {
        let deadline = ContinuousClock.now + limit
        while true {
            let item: Item? = state.withLock { state in
                state.notifications.isEmpty ? state.answer : .notification(state.notifications.removeFirst())
            }
            if let item { return item }
            let left = deadline - .now
            guard left > .zero else { return nil }
            _ = try await wakeup.wait(atMost: left)
        }
    }
}
