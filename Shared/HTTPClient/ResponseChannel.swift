import Concurrency

/// Between the client's thread, which receives a body, and the one task that reads it.
///
/// ```
///   open ──▶ full (the transfer is paused) ──▶ open …          ──▶ ended(error?)
///        above highWater            below lowWater
/// ```
final class ResponseChannel: Sendable {
    private struct Content {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isPaused = false
        var end: Result<Void, ClientError>?
        var waiter: Promise<Void>?
    }

    static let highWater = 256 * 1024
    static let lowWater = 64 * 1024

    let head = Promise<ResponseHead>()
    private let content = Lock(Content())

    /// Takes a chunk, or refuses it because the reader is behind; the transfer is then paused until `take` says so.
    func offer(_ chunk: [UInt8]) -> Bool {
        let (accepted, waiter) = content.withLock { content -> (Bool, Promise<Void>?) in
            if content.bytes >= Self.highWater {
                content.isPaused = true
                return (false, nil)
            }
            content.chunks.append(chunk)
            content.bytes += chunk.count
            defer { content.waiter = nil }
            return (true, content.waiter)
        }
        waiter?.succeed(())
        return accepted
    }

    func finish(_ end: Result<Void, ClientError>) {
        if case .failure(let error) = end { head.fail(error) }
        let waiter = content.withLock { content in
            if content.end == nil { content.end = end }
            defer { content.waiter = nil }
            return content.waiter
        }
        waiter?.succeed(())
    }

    /// Whether the sender is held up until the reader has caught up.
    var isPaused: Bool { content.withLock { $0.isPaused } }

    var isEnded: Bool { content.withLock { $0.end != nil } }

    /// The next bytes, `nil` at the end. `resume` is called when a paused transfer is to go on.
    func take(resume: () -> Void) async throws -> [UInt8]? {
        while true {
            let promise = Promise<Void>()
            enum Turn {
                case chunk([UInt8], resumes: Bool)
                case end(Result<Void, ClientError>)
                case wait
            }
            let turn = content.withLock { content -> Turn in
                if !content.chunks.isEmpty {
                    let chunk = content.chunks.removeFirst()
                    content.bytes -= chunk.count
                    let resumes = content.isPaused && content.bytes <= Self.lowWater
                    if resumes { content.isPaused = false }
                    return .chunk(chunk, resumes: resumes)
                }
                if let end = content.end { return .end(end) }
                precondition(content.waiter == nil, "a response's body has one reader at a time")
                content.waiter = promise
                return .wait
            }
            switch turn {
            case .chunk(let chunk, let resumes):
                if resumes { resume() }
                return chunk
            case .end(let end):
                try end.get()
                return nil
            case .wait:
                do {
                    try await promise.value()
                } catch {
                    content.withLock { if $0.waiter === promise { $0.waiter = nil } }
                    throw error
                }
            }
        }
    }
}
