import Concurrency
import Synchronization

/// A batch on its way: what to publish, and whom to tell.
final class PublishRequest: Sendable {
    let messages: [Message]
    let outcomes = Promise<[Outcome]>()
    private let abandoned = Atomic(false)

    init(_ messages: [Message]) { self.messages = messages }

    /// Nobody waits any more: what is not written yet need not be.
    var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

    /// Ends the wait with an error, unless it has ended.
    func abandon(_ error: any Error) {
        abandoned.store(true, ordering: .relaxed)
        outcomes.fail(error)
    }
}
