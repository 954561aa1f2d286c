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
        var underWay = 0
        var isOpen = true
        /// Told when nothing is under way any more.
        var ended: Promise<Void>?
    }

    /// The batcher has ended.
    public struct Closed: Error {}

    private let state = Lock(State())
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
        try enter([entry])
        return try await entry.promise.value()
    }

    /// Hands items in together and waits for their outcomes, in the same order. The first error of one is thrown.
    public func submit(_ items: [Item]) async throws -> [Outcome] {
        let entries = items.map { Entry(item: $0, promise: Promise()) }
        try enter(entries)
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(entries.count)
        for entry in entries { outcomes.append(try await entry.promise.value()) }
        return outcomes
    }

    private func enter(_ entries: [Entry]) throws {
        let batch: [Entry] = try state.withLock { state in
            guard state.isOpen else { throw Closed() }
            guard state.waiting.count + entries.count <= maximumWaiting else { throw AsyncSemaphore.Full() }
            state.waiting += entries
            guard state.underWay < parallel else { return [] }
            state.underWay += 1
            return Batcher.take(&state.waiting, atMost: maximumBatch)
        }
        guard !batch.isEmpty else { return }
        // The task is the current one, so that it has not ended here; the executor is kept by the new task.
        let executor = unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor?.asTaskExecutor() }
        // Begun here and now and gone on with where the caller runs, without a change of thread; in a task of its own,
        // because the cancellation of one caller must not end what others were promised.
        Task.immediate(executorPreference: executor) { await lead(batch) }
    }

    /// How many items wait.
    public var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Owns the batches until cancelled: then what waits is refused with `Closed`, and what is under way is finished.
    public func run() async throws {
        let cancelled = Promise<Void>()
        do {
            try await cancelled.value()
        } catch is CancellationError {
            // What it waited for: nobody fulfils it.
        }
        let ended = Promise<Void>()
        let refused = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = false
            state.ended = ended
            if state.underWay == 0 { ended.succeed(()) }
            return state.waiting
        }
        for entry in refused { entry.promise.fail(Closed()) }
        // In a task that is not cancelled, as this one is.
        try await Task { try await ended.value() }.value
    }

    /// Does a batch, and then what has come in the meantime, until nothing waits.
    private func lead(_ first: [Entry]) async {
        var batch = first
        while !batch.isEmpty {
            await complete(batch)
            batch = state.withLock { state in
                let next = Batcher.take(&state.waiting, atMost: maximumBatch)
                if next.isEmpty {
                    state.underWay -= 1
                    if state.underWay == 0 { state.ended?.succeed(()) }
                }
                return next
            }
        }
    }

    private static func take(_ waiting: inout [Entry], atMost limit: Int) -> [Entry] {
        guard waiting.count > limit else {
            defer { waiting = [] }
            return waiting
        }
        defer { waiting.removeFirst(limit) }
        return Array(waiting.prefix(limit))
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
