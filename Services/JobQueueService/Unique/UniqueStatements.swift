import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// Statements over `jobs.unique_claims`.
enum UniqueStatements {
    /// Claims the unique keys of the submissions in a CTE; returns the jobs that got theirs. Waits for a submission of
    /// the same key that is under way. Of two equal keys in a batch the earlier job wins.
    static func claim(from source: SQL) -> SQL {
        """
        INSERT INTO jobs.unique_claims AS claim (project_id, kind, key, job_id, scope, expires_at)
        SELECT DISTINCT ON (1, 2, 3) coalesce(project_id, \(noProject)), kind, unique_key, id, unique_scope,
            now() + make_interval(secs => unique_window_ms / 1000.0)
        FROM \(source)
        WHERE unique_key IS NOT NULL
        ORDER BY 1, 2, 3, id
        ON CONFLICT (project_id, kind, key) DO UPDATE
        SET job_id = EXCLUDED.job_id, scope = EXCLUDED.scope, expires_at = EXCLUDED.expires_at
        WHERE NOT jobs.claim_holds(claim)
        RETURNING claim.job_id
        """
    }

    /// Locks the job that holds a key.
    static func lockHolder(project: ProjectID?, kind: String, key: String) -> SQL {
        """
        SELECT \(Job.columns)
        FROM jobs.unique_claims AS claim
        JOIN jobs.jobs AS job ON job.id = claim.job_id
        WHERE claim.project_id = coalesce(\(project)::uuid, \(noProject)) AND claim.kind = \(kind) AND claim.key = \(key)
            AND jobs.claim_holds(claim)
        FOR UPDATE OF job
        """
    }

    /// One row when a worker has the locked job, though it may not have begun.
    static func lease(_ id: JobID) -> SQL {
        """
        SELECT lease.job_id
        FROM jobs.leases AS lease
        JOIN jobs.jobs AS job ON job.id = lease.job_id AND job.fence = lease.fence
        WHERE lease.job_id = \(id)
        """
    }

    /// Gives a locked job other params.
    static func replaceParams(_ id: JobID, by params: RawJSON) -> SQL {
        "UPDATE jobs.jobs AS job SET params = \(params) WHERE job.id = \(id) RETURNING \(Job.columns)"
    }

    /// Takes a locked job out of where it waits; returns one row when it was there and nobody was about to take it.
    static func leavePlace(_ id: JobID) -> SQL {
        """
        WITH unlined AS (
            DELETE FROM jobs.ready WHERE job_id IN (
                SELECT job_id FROM jobs.ready WHERE job_id = \(id) FOR UPDATE SKIP LOCKED
            )
            RETURNING job_id
        ), unscheduled AS (
            DELETE FROM jobs.scheduled WHERE job_id IN (
                SELECT job_id FROM jobs.scheduled WHERE job_id = \(id) FOR UPDATE SKIP LOCKED
            )
            RETURNING job_id
        )
        SELECT job_id FROM unlined UNION ALL SELECT job_id FROM unscheduled
        """
    }

    /// Gives a locked job that waits nowhere another time and status. It is an event when the status is another one.
    static func reschedule(_ id: JobID, at time: Timestamp, _ status: JobStatus, isEvent: Bool) -> SQL {
        """
        WITH changed AS (
            UPDATE jobs.jobs AS job
            SET run_at = \(time), status = \(status), phase = \(JobPhase.waiting), seq = job.seq + \(isEvent)::integer
            WHERE job.id = \(id)
            RETURNING job
        ), lined AS (
            \(JobStatements.enter("changed"))
        ), waiting AS (
            \(JobStatements.schedule("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed")) WHERE \(isEvent)
        )
        SELECT \(Job.columns) FROM (SELECT (changed.job).* FROM changed) AS job
        """
    }

    /// Forgets claims that no longer hold.
    static func forget(atMost limit: Int) -> SQL {
        """
        DELETE FROM jobs.unique_claims AS claim
        WHERE (project_id, kind, key) IN (
            SELECT project_id, kind, key FROM jobs.unique_claims AS old
            WHERE old.scope <> 'forever' AND NOT jobs.claim_holds(old)
            LIMIT \(limit)
        ) AND NOT jobs.claim_holds(claim)
        """
    }

    private static let noProject: SQL = "'00000000-0000-0000-0000-000000000000'::uuid"
}
