/// The chunks between a connection and the reader of its body.
///
/// ```
///            above the high mark              at or below the low mark
///   flowing ────────────────────▶ paused ────────────────────────────▶ flowing
///      │ end                         │ end
///      ▼                             ▼
///    ended ◀──────────────────────────      (what was queued is still handed out)
/// ```
struct BodyQueue {
    typealias Waiter = CheckedContinuation<[UInt8]?, any Error>

    enum Ending: Sendable {
        case complete
        case failed(RequestBodyError)
    }

    /// What the caller does after it has let the lock go.
    enum Action: Sendable {
        case resume(Waiter, Result<[UInt8]?, any Error>)
        case pause(Bool)
    }

    static let highMark = 256 * 1024
    static let lowMark = 64 * 1024

    private var chunks: [[UInt8]] = []
    private var bytes = 0
    private var paused = false
    private var ending: Ending?
    private var waiter: Waiter?
    private var cancelled = false

    mutating func push(_ chunk: [UInt8]) -> [Action] {
        if let waiter = take() { return [.resume(waiter, .success(chunk))] }
        chunks.append(chunk)
        bytes += chunk.count
        guard bytes > BodyQueue.highMark, !paused else { return [] }
        paused = true
        return [.pause(true)]
    }

    /// Only the first ending counts.
    mutating func end(_ ending: Ending) -> [Action] {
        guard self.ending == nil else { return [] }
        self.ending = ending
        return take().map { [.resume($0, BodyQueue.result(ending))] } ?? []
    }

    mutating func wait(_ continuation: Waiter) -> [Action] {
        precondition(waiter == nil, "a body is read by one task")
        if cancelled { return [.resume(continuation, .failure(CancellationError()))] }
        if !chunks.isEmpty {
            // Few chunks lie here: the bound divided by what one read of a socket gives.
            let chunk = chunks.removeFirst()
            bytes -= chunk.count
            guard paused, bytes <= BodyQueue.lowMark else { return [.resume(continuation, .success(chunk))] }
            paused = false
            return [.resume(continuation, .success(chunk)), .pause(false)]
        }
        if let ending { return [.resume(continuation, BodyQueue.result(ending))] }
        waiter = continuation
        return []
    }

    mutating func cancel() -> [Action] {
        cancelled = true
        return take().map { [.resume($0, .failure(CancellationError()))] } ?? []
    }

    private mutating func take() -> Waiter? {
        defer { waiter = nil }
        return waiter
    }

    private static func result(_ ending: Ending) -> Result<[UInt8]?, any Error> {
        switch ending {
        case .complete: .success(nil)
        case .failed(let error): .failure(error)
        }
    }
}
