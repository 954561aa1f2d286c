import Concurrency

/// What callers hand to the publisher's thread.
final class PublisherMailbox: Sendable {
    private struct Content {
        var waiting: [PublishRequest] = []
        /// Messages of all batches that somebody waits for.
        var unfinished = 0
        var phase = RunPhase.idle
    }

    let doorbell = DoorbellHandle()
    private let content = Lock(Content())
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// Takes a batch in, or refuses it. Whoever was taken in calls `leave` at the end.
    func enter(_ request: PublishRequest) throws(PublisherError) {
        let refusal = content.withLock { content -> PublisherError? in
            if content.phase == .ended { return .stopped }
            // A batch above the bound passes when it is alone: else it never could.
            guard content.unfinished == 0 || content.unfinished + request.messages.count <= capacity else {
                return .overloaded
            }
            content.unfinished += request.messages.count
            content.waiting.append(request)
            return nil
        }
        if let refusal { throw refusal }
        doorbell.ring()
    }

    func leave(_ request: PublishRequest) {
        content.withLock { content in
            content.unfinished -= request.messages.count
            if request.isAbandoned { content.waiting.removeAll { $0 === request } }
        }
    }

    func takeAll() -> [PublishRequest] {
        content.withLock { content in
            defer { content.waiting = [] }
            return content.waiting
        }
    }

    var unfinished: Int { content.withLock { $0.unfinished } }
    var isStopping: Bool { content.withLock { $0.phase >= .stopping } }

    func advance(to phase: RunPhase) {
        content.withLock { $0.phase = max($0.phase, phase) }
        doorbell.ring()
    }
}
