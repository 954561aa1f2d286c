internal import Concurrency

/// Hands a body from the connection's loop to the task that reads it, with a bound on what lies between.
final class BodyStream: Sendable {
    private let queue = Lock(BodyQueue())
    private let pause: @Sendable (Bool) -> Void

    /// `pause` stops or restarts the reading of the socket, on any thread.
    init(pause: @escaping @Sendable (Bool) -> Void) { self.pause = pause }

    func push(_ chunk: [UInt8]) { perform(queue.withLock { $0.push(chunk) }) }
    func end(_ ending: BodyQueue.Ending) { perform(queue.withLock { $0.end(ending) }) }

    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                perform(queue.withLock { $0.wait(continuation) })
            }
        } onCancel: {
            perform(queue.withLock { $0.cancel() })
        }
    }

    private func perform(_ actions: [BodyQueue.Action]) {
        for action in actions {
            switch action {
            case .resume(let continuation, let result): continuation.resume(with: result)
            case .pause(let paused): pause(paused)
            }
        }
    }
}
