import Contracts
import Messaging
import Postgres

/// Parts that several statements of leases share.
extension LeaseStatements {
    static func locked(_ keys: [LeaseKey], status: JobStatus) -> SQL {
        """
        locked AS (
            SELECT job.id, coalesce(job.progress_logged_at < now() - interval '1 second', true) AS is_due
            FROM jobs.jobs AS job
            JOIN unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS item (id, fence)
                ON item.id = job.id AND item.fence = job.fence
            WHERE job.status = \(status)
            ORDER BY job.id
            FOR UPDATE OF job
        )
        """
    }

    static func lockedAny(_ keys: [LeaseKey]) -> SQL {
        """
        locked AS (
            SELECT job.id, job.status, job.fence
            FROM jobs.jobs AS job
            JOIN unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS item (id, fence)
                ON item.id = job.id AND item.fence = job.fence
            WHERE job.completed_at IS NULL
            ORDER BY job.id
            FOR UPDATE OF job
        )
        """
    }

    /// What changes in a job that begins.
    static let begun: SQL = """
        status = \(JobStatus.processing), phase = \(JobPhase.running), seq = job.seq + 1,
        attempt = job.attempt + 1, started_at = coalesce(job.started_at, now()),
        progress_fraction = NULL, progress_message = NULL
        """

    static func ended(by verb: LeaseVerb) -> SQL {
        "ended_fence = job.fence, ended_verb = \(verb.rawValue), fence = job.fence + 1"
    }

    static let unleased: SQL = """
        unleased AS (
            DELETE FROM jobs.leases AS lease USING changed
            WHERE lease.job_id = (job).id AND lease.fence = (job).ended_fence
        )
        """

    static let revoked: SQL = """
        revoked AS (
            UPDATE jobs.leases AS lease SET revoked_at = now() FROM changed
            WHERE lease.job_id = (job).id AND lease.fence = (job).ended_fence
        )
        """

    /// Puts jobs back in line. Only those that had been started change their status, and say so in the log.
    static func handBack(source: String, attempt: String, deaths: String) -> SQL {
        """
        changed AS (
            UPDATE jobs.jobs AS job
            SET status = \(JobStatus.queued),
                phase = CASE WHEN locked.status = \(JobStatus.processing) THEN \(JobPhase.interrupted) ELSE job.phase END,
                seq = job.seq + (locked.status = \(JobStatus.processing))::integer,
                attempt = CASE WHEN locked.status = \(JobStatus.processing) THEN \(unchecked: attempt) ELSE job.attempt END,
                lease_deaths = job.lease_deaths
                    + CASE WHEN locked.status = \(JobStatus.processing) THEN \(unchecked: deaths) ELSE 0 END,
                checkpoint = coalesce(outcome.checkpoint, job.checkpoint),
                \(ended(by: .release))
            FROM \(unchecked: source)
            WHERE job.id = locked.id
            RETURNING job, locked.status AS was
        ), \(unleased), lined AS (
            \(JobStatements.enter("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed")) WHERE was = \(JobStatus.processing)
        )
        SELECT (job).id, (job).ended_fence, (job).kind FROM changed
        """
    }
}
