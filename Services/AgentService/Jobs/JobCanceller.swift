import Contracts
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Cancels the jobs of cancelled runs. That a job is to be cancelled is noted in the transaction that ends its run, so
/// it is neither forgotten nor waited for when the job queue is away.
///
/// ```
///   run is cancelled ──noted──▶ due ──taken──▶ the job queue was told, or the job has ended: forgotten
///                                ▲       │
///                                └───────┘ not reached: waits (backoff, full jitter)
/// ```
struct JobCanceller: Service {
    let name = "job canceller"
    let pool: Pool
    let jobs: JobQueueClient
    let logger: Logger
    /// At a time.
    private let places = 16
    /// How long a taken one belongs to its taker: longer than the job queue may take to answer.
    private let lease = Duration.seconds(60)
    private let backoff = Backoff(from: .seconds(1), cap: .seconds(300))

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
            var failures = 0
            while true {
                do {
                    let isIdle = try await cancelDue() == 0
                    failures = 0
                    if isIdle { try await Task.sleep(for: .seconds(1)) }
                } catch let error as PostgresError {
                    failures += 1
                    logger.warning("jobs of cancelled runs are not cancelled", ["error": "\(error)"])
                    try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system))
                }
            }
        }
    }

    /// Cancels what is due; returns how many that were.
    private func cancelDue() async throws -> Int {
        let rows = try await pool.query(JobCancellationStatements.take(atMost: places, for: lease))
        let taken = try rows.map(JobCancellation.init)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for cancellation in taken { group.addTask { try await cancel(cancellation) } }
            try await group.waitForAll()
        }
        return taken.count
    }

    private func cancel(_ cancellation: JobCancellation) async throws {
        let job = cancellation.job
        do {
            try await jobs.cancel(job, requestID: "cancellation:\(job)", trace: cancellation.trace)
            try await pool.execute(JobCancellationStatements.forget(job))
        } catch let error as ServiceError {
            let wait = backoff.wait(afterAttempt: cancellation.attempt, random: .system)
            logger.warning(
                "a job of a cancelled run is not cancelled yet",
                ["job_id": job, "attempt": cancellation.attempt, "error": error.message]
            )
            try await pool.execute(JobCancellationStatements.putOff(job, for: wait))
        }
    }
}

/// A job that is to be cancelled, as it was taken.
struct JobCancellation: Sendable {
    let job: JobID
    /// Which attempt this is, 1, 2, 3 …
    let attempt: Int
    let trace: TraceContext

    /// Reads a row of `JobCancellationStatements.take`.
    init(_ row: Row) throws {
        var reader = row.reader
        job = try reader.next()
        attempt = try reader.next()
        let trace: String? = try reader.next()
        self.trace = trace.flatMap { TraceContext(traceparent: $0)?.child() } ?? .root()
    }
}
