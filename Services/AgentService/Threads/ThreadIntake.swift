import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres

/// Stores checkpoints and writes. What arrives together is stored in one transaction, with its events, and each is
/// answered after the commit; a refusal concerns nobody else in it.
///
/// ```
///   all threads remembered ─▶ ThreadPlan decides ─▶ one statement that stores, if they are as remembered
///            │ no                    │ refusal             │ they are not
///            ▼                       ▼                     ▼
///   lock the threads by id, read what is there of the checkpoints ─▶ ThreadPlan decides ─▶ one statement, COMMIT
/// ```
///
/// The first way is one round trip, and most changes take it: who drives a thread drives it from one place. The second
/// asks first, and is the only one that refuses.
final class ThreadIntake: Service {
    let name = "thread intake"
    private let pool: Pool
    private let changed: @Sendable () -> Void
    private let batcher: Batcher<ThreadChange, Result<ThreadChanged, ServiceError>>
    private let memory: Memory
    /// Larger changes are stored alone, so that no batch holds many of them.
    private let largest = 256 << 10

    init(pool: Pool, changed: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.changed = changed
        let memory = Memory()
        self.memory = memory
        batcher = Batcher(
            maximumBatch: 64,
            maximumWaiting: 1_000,
            // What comes while one is under way makes the next one larger, and a batch costs little more than a change.
            parallel: 1,
            // A refusal by the server has rolled the whole transaction back.
            mayRetryAlone: { ($0 as? PostgresError)?.kind == .server }
        ) { changes in try await ThreadIntake.perform(changes, in: pool, memory) }
    }

    /// What is remembered of threads, by all batches.
    private final class Memory: Sendable {
        let cache = Lock(ThreadCache())
    }

    /// Stores until `stop` is raised.
    func run(until stop: StopSignal) async throws { try await stop.cancelling { try await self.batcher.run() } }

    /// Makes a change; it is durable when this returns.
    func submit(_ change: ThreadChange) async throws -> ThreadChanged {
        let result =
            change.bytes > largest
            ? try await ThreadIntake.perform([change], in: pool, memory)[0] : try await batcher.submit(change)
        let outcome = try result.get()
        if change.checkpoint != nil, !outcome.isRepeat { changed() }
        return outcome
    }

    private static func perform(
        _ changes: [ThreadChange],
        in pool: Pool,
        _ memory: Memory
    ) async throws -> [Result<ThreadChanged, ServiceError>] {
        let threads = Set(changes.map(\.thread))
        if let outcomes = try await attempt(changes, threads, in: pool, memory) { return outcomes.map { .success($0) } }
        let (outcomes, plan) = try await ask(changes, in: pool)
        memory.cache.withLock { $0.note(plan) }
        return outcomes
    }

    /// Stores changes on the strength of what is remembered; `nil` when that is not enough, or is not so any more.
    private static func attempt(
        _ changes: [ThreadChange],
        _ threads: Set<ThreadID>,
        in pool: Pool,
        _ memory: Memory
    ) async throws -> [ThreadChanged]? {
        guard let recalled = memory.cache.withLock({ $0.recall(threads) }) else { return nil }
        var plan = ThreadPlan(threads: recalled.threads, known: recalled.known)
        var fences: [ThreadID: Int64?] = [:]
        var outcomes: [ThreadChanged] = []
        for change in changes {
            // Whatever is not plainly allowed is looked at with the rows locked.
            do { outcomes.append(try plan.add(change)) } catch is ServiceError { return nil }
            if let other = fences.updateValue(change.fence, forKey: change.thread), other != change.fence { return nil }
        }
        guard !plan.isEmpty else { return nil }
        do {
            try await pool.execute(CheckpointStatements.store(plan, ifStill: recalled.threads, fences: fences))
        } catch let error as PostgresError where error.code == .divisionByZero {
            memory.cache.withLock { $0.forget(Array(threads)) }
            return nil
        }
        memory.cache.withLock { [plan] in $0.note(plan) }
        return outcomes
    }

    /// Stores what is allowed of some changes, after a look at what is there.
    private static func ask(
        _ changes: [ThreadChange],
        in pool: Pool
    ) async throws -> ([Result<ThreadChanged, ServiceError>], ThreadPlan) {
        try await pool.withTransaction(retries: 2) { transaction in
            // The second statement sees what was committed while the first waited for a lock.
            let results = try transaction.query([
                ThreadStatements.lock(Set(changes.map(\.thread)).sorted()),
                CheckpointStatements.known(ThreadIntake.keys(of: changes)),
            ])
            var plan = ThreadPlan(
                threads: try ThreadIntake.states(results[0]),
                known: try ThreadIntake.known(results[1])
            )
            let outcomes = try changes.map { change in
                do {
                    return Result<ThreadChanged, ServiceError>.success(try plan.add(change))
                } catch let refusal as ServiceError {
                    return .failure(refusal)
                }
            }
            if !plan.isEmpty { try transaction.execute(CheckpointStatements.store(plan)) }
            return (outcomes, plan)
        }
    }

    /// The checkpoints that changes may meet: their own, and parents that they take values from.
    private static func keys(of changes: [ThreadChange]) -> [CheckpointKey] {
        var keys: Set<CheckpointKey> = []
        for change in changes {
            guard let draft = change.checkpoint else { continue }
            keys.insert(change.key)
            guard let parent = draft.parent,
                draft.channels.contains(where: { if case .unchanged = $0.content { true } else { false } })
            else { continue }
            keys.insert(CheckpointKey(thread: change.thread, namespace: change.namespace, id: parent))
        }
        return Array(keys)
    }

    private static func states(_ rows: Rows) throws -> [ThreadID: ThreadPlan.State] {
        var states: [ThreadID: ThreadPlan.State] = [:]
        for row in rows {
            let thread = try AgentThread(row)
            states[thread.id] = ThreadPlan.State(
                project: thread.projectID,
                version: thread.version,
                checkpoints: thread.checkpoints,
                fence: thread.fence,
                isLeaseGiven: thread.leasedBy != nil,
                isLeased: thread.isLeased
            )
        }
        return states
    }

    private static func known(_ rows: Rows) throws -> [CheckpointKey: ThreadPlan.Known] {
        var known: [CheckpointKey: ThreadPlan.Known] = [:]
        for row in rows {
            var reader = row.reader
            let key = CheckpointKey(
                thread: try reader.next(),
                namespace: try reader.next(),
                id: try reader.next()
            )
            known[key] = ThreadPlan.Known(
                version: try reader.next(),
                digest: try reader.next(),
                channels: try reader.next(),
                digests: try reader.next()
            )
        }
        return known
    }
}
