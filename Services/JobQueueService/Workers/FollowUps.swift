import Contracts
import JSON
import Postgres

/// A completion with jobs that follow from it: all are stored in one transaction, or nothing is.
struct FollowUps {
    let pool: Pool
    let intake: Intake
    let dispatcher: Dispatcher

    /// Completes a job and stores those that follow. They are for its card and project unless they name a card.
    ///
    /// - Throws: `ServiceError` when one of them is refused; the job is running still.
    func complete(_ item: Completion) async throws -> VerbOutcome {
        let key = item.key
        guard let row = try await pool.query(FollowUpStatements.origin(key.jobID)).first else { return .leaseLost }
        let (card, project): (CardID?, ProjectID?) = (try row.decode(0), try row.decode(1))
        let (caller, trace): (String, String?) = (try row.decode(2), try row.decode(3))
        let submissions = item.followUps.map { submission in
            var submission = submission
            submission.cardID = submission.cardID ?? card
            submission.projectID = project
            return submission
        }
        let jobs = try await intake.prepare(submissions).map { try $0.get() }
        let submitted: [Result<SubmittedJob, ServiceError>]? = try await Intake.settlingConflicts {
            try await pool.withTransaction { transaction in
                let completed = try transaction.query(LeaseStatements.complete([item]))
                guard !completed.isEmpty else { return nil }
                let submitted = try Intake.store(jobs, caller: caller, trace: trace ?? "", in: transaction)
                for result in submitted { _ = try result.get() }
                return submitted
            }
        }
        // What was done before, or is somebody else's now, is answered as ever.
        guard let submitted else { return try await dispatcher.complete(Completion(key: key)) }
        intake.announce(submitted)
        dispatcher.completed()
        return .ok
    }
}

/// Statements of follow-up jobs.
enum FollowUpStatements {
    /// Whose the job is.
    static func origin(_ id: JobID) -> SQL {
        "SELECT card_id, project_id, submitted_by, traceparent FROM jobs.jobs WHERE id = \(id)"
    }
}
