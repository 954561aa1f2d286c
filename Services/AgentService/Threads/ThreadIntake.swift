import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres

/// Stores checkpoints and writes. What arrives together is stored in one transaction, with its events, and each is
/// answered after the commit; a refusal concerns nobody else in it.
///
/// ```
///   lock the threads by id ─ read what is there of the checkpoints ─▶ ThreadPlan decides ─▶ one statement, COMMIT
///                    one round trip
/// ```
final class ThreadIntake: Service {
    let name = "thread intake"
    private let pool: Pool
    private let changed: @Sendable () -> Void
    private let batcher: Batcher<ThreadChange, Result<ThreadChanged, ServiceError>>
    /// Larger changes are stored alone, so that no batch holds many of them.
    private let largest = 256 << 10

    init(pool: Pool, changed: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.changed = changed
        batcher = Batcher(
            maximumBatch: 64,
            maximumWaiting: 1_000,
            parallel: 1,
            // A refusal by the server has rolled the whole transaction back.
            mayRetryAlone: { ($0 as? PostgresError)?.kind == .server }
        ) { changes in try await ThreadIntake.perform(changes, in: pool) }
    }

    /// Stores until `stop` is raised.
    func run(until stop: StopSignal) async throws { try await stop.cancelling { try await self.batcher.run() } }

    /// Makes a change; it is durable when this returns.
    func submit(_ change: ThreadChange) async throws -> ThreadChanged {
        let result =
            change.bytes > largest
            ? try await ThreadIntake.perform([change], in: pool)[0] : try await batcher.submit(change)
        let outcome = try result.get()
        if change.checkpoint != nil, !outcome.isRepeat { changed() }
        return outcome
    }

    private static func perform(
        _ changes: [ThreadChange],
        in pool: Pool
    ) async throws -> [Result<ThreadChanged, ServiceError>] {
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
            return outcomes
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
