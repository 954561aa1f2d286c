/// Turns concurrent calls into batches: what arrives while a batch is under way forms the next one.
///
/// A caller alone is served at once; nobody waits for a timer. Each caller gets the outcome of their own item after the
/// whole batch is done. At the bound of waiting callers new ones are refused with `AsyncSemaphore.Full`.
public final class Batcher<Item: Sendable, Outcome: Sendable>: Sendable {
    private struct Entry: Sendable {
        let item: Item
        let promise: Promise<Outcome>
    }

    private struct State {
        var waiting: [Entry] = []
        var isOpen = true
    }

    /// The batcher has ended.
    public struct Closed: Error {}

    private let state = Lock(State())
    private let arrived = Wakeup()
    private let maximumBatch: Int
    private let maximumWaiting: Int
    private let parallel: Int
    private let perform: @Sendable ([Item]) async throws -> [Outcome]
    private let mayRetryAlone: @Sendable (any Error) -> Bool

    /// A batcher.
    ///
    /// - Parameters:
    ///   - parallel: how many batches may be under way together.
    ///   - mayRetryAlone: whether an error may be the fault of one item; the items are then tried one by one, so that
    ///     the others do not suffer from it. It must be sure that the failed batch had no effect.
    ///   - perform: does a batch, and returns one outcome per item in the same order.
    public init(
        maximumBatch: Int,
        maximumWaiting: Int,
        parallel: Int,
        mayRetryAlone: @escaping @Sendable (any Error) -> Bool = { _ in false },
        perform: @escaping @Sendable ([Item]) async throws -> [Outcome]
    ) {
        self.maximumBatch = maximumBatch
        self.maximumWaiting = maximumWaiting
        self.parallel = parallel
        self.mayRetryAlone = mayRetryAlone
        self.perform = perform
    }

    /// Hands an item in and waits for its outcome. A cancelled caller stops waiting; its item may still be done.
    public func submit(_ item: Item) async throws -> Outcome {
        let entry = Entry(item: item, promise: Promise())
        try state.withLock { state in
            guard state.isOpen else { throw Closed() }
            guard state.waiting.count < maximumWaiting else { throw AsyncSemaphore.Full() }
            state.waiting.append(entry)
        }
        arrived.signal()
        return try await entry.promise.value()
    }

    /// How many items wait.
    public var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Performs batches until cancelled; what waits then is refused with `Closed`, and what is under way is finished.
    public func run() async throws {
        let places = AsyncSemaphore(places: parallel)
        await withTaskGroup(of: Void.self) { group in
            do {
                while true {
                    try await places.acquire()
                    var batch = take()
                    while batch.isEmpty {
                        _ = try await arrived.wait(atMost: .seconds(3600))
                        batch = take()
                    }
                    let taken = batch
                    group.addTask {
                        // A batch that was begun is finished: its callers were promised an outcome.
                        await Task { await self.complete(taken) }.value
                        places.release()
                    }
                }
            } catch {
                // Cancelled.
            }
            let refused = state.withLock { state in
                defer { state.waiting = [] }
                state.isOpen = false
                return state.waiting
            }
            for entry in refused { entry.promise.fail(Closed()) }
        }
    }

    private func take() -> [Entry] {
        state.withLock { state in
            guard state.waiting.count > maximumBatch else {
                defer { state.waiting = [] }
                return state.waiting
            }
            defer { state.waiting.removeFirst(maximumBatch) }
            return Array(state.waiting.prefix(maximumBatch))
        }
    }

    private func complete(_ batch: [Entry]) async {
        do {
            let outcomes = try await perform(batch.map(\.item))
            precondition(outcomes.count == batch.count, "a batch of \(batch.count) yielded \(outcomes.count) outcomes")
            for (entry, outcome) in zip(batch, outcomes) { entry.promise.succeed(outcome) }
        } catch {
            guard batch.count > 1, mayRetryAlone(error) else {
                for entry in batch { entry.promise.fail(error) }
                return
            }
            for entry in batch { await complete([entry]) }
        }
    }
}
