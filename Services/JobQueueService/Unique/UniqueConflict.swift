import Contracts
import JSON
import Kernel
import Postgres

/// A submission whose unique key another job holds, and what its rule makes of that.
struct UniqueConflict {
    /// The other job does not hold the key any more.
    struct Vanished: Error {}

    private let job: Job

    init(_ job: Job) { self.job = job }

    /// The job that is there, changed or not as the rule wants; or the refusal.
    ///
    /// - Throws: `Vanished` when the submission is to be tried again.
    func resolve(in transaction: isolated Transaction) throws -> Result<SubmittedJob, ServiceError> {
        guard let rule = job.unique else { throw Vanished() }
        let holder = UniqueStatements.lockHolder(project: job.projectID, kind: job.kind, key: rule.key)
        guard let row = try transaction.query(holder).first else { throw Vanished() }
        let existing = try Job(row)
        switch rule.onConflict {
        case .returnExisting: return .success(.existing(existing))
        case .reject: return .failure(refusal(existing, "a job with this unique key is there already"))
        case .replaceParams, .reschedule:
            let isTaken = try !transaction.query(UniqueStatements.lease(existing.id)).isEmpty
            guard !isTaken, existing.status != .processing, !existing.status.isFinal else {
                return .failure(refusal(existing, "the job with this unique key is being run, or has ended"))
            }
            let changed =
                rule.onConflict == .reschedule
                ? try reschedule(existing, in: transaction)
                : try transaction.query(UniqueStatements.replaceParams(existing.id, by: job.params))
            guard let row = changed.first else { throw Vanished() }
            return .success(.existing(try Job(row)))
        }
    }

    private func reschedule(_ existing: Job, in transaction: isolated Transaction) throws -> Rows {
        if existing.status != .blocked {
            // Whoever is about to take it from its place waits for our lock, so we must not wait for them.
            let left = try transaction.query(UniqueStatements.leavePlace(existing.id))
            guard !left.isEmpty else { throw Vanished() }
        }
        let status: JobStatus = existing.status == .blocked || job.status == .blocked ? existing.status : job.status
        return try transaction.query(
            UniqueStatements.reschedule(existing.id, at: job.runAt, status, isEvent: status != existing.status)
        )
    }

    private func refusal(_ existing: Job, _ message: String) -> ServiceError {
        ServiceError(
            .conflict,
            message,
            details: RawJSON(
                JSONWriter.bytes { json in
                    json.object {
                        $0.member("job_id", existing.id)
                        $0.member("status", existing.status.rawValue)
                    }
                }
            )
        )
    }
}
