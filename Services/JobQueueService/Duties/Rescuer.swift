import Contracts
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Takes jobs back from workers that are no more, and from attempts that take too long.
struct Rescuer: Sendable {
    let pool: Pool
    let bell: ReadyBell
    let retries: RetryPolicy
    let logger: Logger
    let changed: @Sendable () -> Void

    /// The duties, each looking once a second.
    var duties: [any Service] {
        [
            Duty(name: "rescuer", period: .seconds(1), logger: logger) { try await rescueLost() },
            Duty(name: "timeouts", period: .seconds(1), logger: logger) { try await endTimedOut() },
            Duty(name: "lease sweeper", period: .seconds(15), logger: logger) {
                _ = try await pool.execute(LeaseStatements.sweep)
                return false
            },
        ]
    }

    func rescueLost() async throws -> Bool {
        let (workers, kinds) = try await pool.withTransaction { transaction in
            let workers: [WorkerID] = try transaction.query(WorkerStatements.expired(limit: 20))
                .map { try $0.decode(0) }
            guard !workers.isEmpty else { return (0, [String]()) }
            let rows = try transaction.query(LeaseStatements.rescue(workers))
            try transaction.execute(WorkerStatements.remove(workers))
            return (workers.count, try rows.map { try $0.decode(2) })
        }
        if workers > 0 { logger.warning("workers stopped answering", ["workers": workers, "jobs": kinds.count]) }
        if !kinds.isEmpty {
            changed()
            bell.ring(kinds)
        }
        return workers > 0
    }

    func endTimedOut() async throws -> Bool {
        let keys = try await pool.query(LeaseStatements.timedOut(limit: 100)).map(LeaseKey.init)
        guard !keys.isEmpty else { return false }
        let failures = keys.map {
            Failure(key: $0, code: "TIMEOUT", message: "the attempt took longer than its timeout")
        }
        let ended = try await pool.query(LeaseStatements.fail(failures, retries, keepsLease: true))
        if !ended.isEmpty { changed() }
        return ended.count == 100
    }

    /// Ends sessions that say good-bye: nothing they had counts as an attempt.
    static func close(_ workers: [WorkerID], in pool: Pool) async throws {
        try await pool.withTransaction { transaction in
            for worker in workers { _ = try transaction.query(WorkerStatements.lock(worker)) }
            let held = try transaction.query(LeaseStatements.heldBy(workers)).map(LeaseKey.init)
            if !held.isEmpty {
                _ = try transaction.query(LeaseStatements.release(held.map { Release(key: $0) }))
            }
            try transaction.execute(WorkerStatements.remove(workers))
        }
    }
}
