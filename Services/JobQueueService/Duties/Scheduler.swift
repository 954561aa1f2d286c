import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Puts scheduled jobs in line when their time has come, and ends those whose deadline has passed.
struct Scheduler: Sendable {
    let pool: Pool
    let bell: ReadyBell
    let logger: Logger
    let changed: @Sendable () -> Void
    /// Signalled when a job was scheduled: its time may be sooner than the next look.
    let wakeup: Wakeup

    var duties: [any Service] {
        [
            Duty(name: "scheduler", period: .milliseconds(250), logger: logger, wakeup: wakeup) { try await promote() },
            Duty(name: "deadlines", period: .seconds(1), logger: logger) { try await expire() },
        ]
    }

    func promote() async throws -> Bool {
        let kinds: [String] = try await pool.query(JobStatements.promote(limit: 500)).map { try $0.decode(0) }
        guard !kinds.isEmpty else { return false }
        changed()
        bell.ring(kinds)
        return kinds.count == 500
    }

    func expire() async throws -> Bool {
        let (taken, ended) = try await pool.withTransaction { transaction in
            let overdue: [JobID] = try transaction.query(JobStatements.takeOverdue(limit: 100))
                .map { try $0.decode(0) }
            let open: [JobID] = try transaction.query(JobStatements.lock(overdue)).map { try $0.decode(0) }
            let ended = try transaction.query(
                JobStatements.end(
                    open,
                    as: .expired,
                    code: "EXPIRED",
                    message: "the job was not done by its deadline"
                )
            )
            return (overdue.count, ended.count)
        }
        if ended > 0 { changed() }
        return taken == 100
    }
}
