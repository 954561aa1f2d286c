import Concurrency

/// Holds the present state of a connection and tells whoever listens about each change.
final class StateBoard: Sendable {
    private struct Content {
        var state = ConnectionState.down(.notRunning)
        var listeners: [Int: AsyncStream<ConnectionState>.Continuation] = [:]
        var nextListener = 0
        var isFinished = false
    }

    private let content = Lock(Content())

    var state: ConnectionState { content.withLock { $0.state } }

    func change(to state: ConnectionState) {
        let listeners = content.withLock { content -> [AsyncStream<ConnectionState>.Continuation] in
            guard content.state != state else { return [] }
            content.state = state
            return Array(content.listeners.values)
        }
        for listener in listeners { listener.yield(state) }
    }

    func finish() {
        change(to: .down(.notRunning))
        let listeners = content.withLock { content in
            content.isFinished = true
            defer { content.listeners = [:] }
            return Array(content.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }

    /// The present state and every later one; a slow listener keeps the newest 16.
    func changes() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let (id, isFinished) = content.withLock { content in
            content.nextListener += 1
            content.listeners[content.nextListener] = content.isFinished ? nil : continuation
            // Under the lock, so that no change overtakes the present state.
            continuation.yield(content.state)
            return (content.nextListener, content.isFinished)
        }
        continuation.onTermination = { [weak self] _ in self?.forget(id) }
        if isFinished { continuation.finish() }
        return stream
    }

    private func forget(_ id: Int) { content.withLock { _ = $0.listeners.removeValue(forKey: id) } }
}
