import Concurrency

/// The events of a consumer, for one reader at a time. Ends when `run` of the consumer ends or the task is cancelled.
///
/// It holds at most `prefetch` deliveries; what was not read before a connection was lost is dropped, because the
/// broker delivers it again.
public final class ConsumerEvents: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// An event.
    public typealias Element = ConsumerEvent
    /// It never throws.
    public typealias Failure = Never

    private struct Content {
        var events: [ConsumerEvent] = []
        var head = 0
        var waiter: Promise<Void>?
        var isFinished = false

        mutating func take(atMost limit: Int) -> [ConsumerEvent] {
            let taken = events[head...].prefix(limit)
            head += taken.count
            defer {
                if head == events.count || head >= 1024 {
                    events.removeFirst(head)
                    head = 0
                }
            }
            return Array(taken)
        }
    }

    private let content = Lock(Content())

    init() {}

    /// The next event, or `nil` at the end.
    public func next() async -> ConsumerEvent? { await nextBatch(atMost: 1).first }

    /// The next event, or `nil` at the end.
    public func next(isolation actor: isolated (any Actor)?) async -> ConsumerEvent? {
        await nextBatch(atMost: 1).first
    }

    /// Waits for at least one event and takes what is there, at most `limit`. Empty at the end.
    public func nextBatch(atMost limit: Int) async -> [ConsumerEvent] {
        precondition(limit > 0, "a batch needs room for an event")
        while !Task.isCancelled {
            let promise = Promise<Void>()
            let (batch, ended) = content.withLock { content -> ([ConsumerEvent], Bool) in
                let batch = content.take(atMost: limit)
                if batch.isEmpty && !content.isFinished {
                    precondition(content.waiter == nil, "a consumer's events have one reader at a time")
                    content.waiter = promise
                }
                return (batch, content.isFinished)
            }
            if !batch.isEmpty || ended { return batch }
            do {
                try await promise.value()
            } catch {
                // Only cancellation fails this promise.
                content.withLock { if $0.waiter === promise { $0.waiter = nil } }
            }
        }
        return []
    }

    /// The events themselves.
    public func makeAsyncIterator() -> ConsumerEvents { self }

    func append(_ events: [ConsumerEvent]) {
        change { $0.events += events }
    }

    /// Drops what was not read of the lost connection.
    func disconnect(_ reason: BrokerError) {
        change { content in
            content.events = [.disconnected(reason)]
            content.head = 0
        }
    }

    func finish() { change { $0.isFinished = true } }

    private func change(_ body: (inout Content) -> Void) {
        let waiter = content.withLock { content in
            body(&content)
            defer { content.waiter = nil }
            return content.waiter
        }
        waiter?.succeed(())
    }
}
