import Contracts
import Kernel
import Messaging
import Postgres

/// Statements for leases whose workers say nothing: what they hold, what they have lost, and what is taken from them.
extension LeaseStatements {
    /// A job under which so many workers died is not given to another.
    static let maximumLeaseDeaths = 3

    /// Ends the leases of workers that are no more: an unstarted job loses nothing, a started one keeps its attempt.
    static func rescue(_ workers: [WorkerID]) -> SQL {
        """
        WITH locked AS (
            SELECT job.id, job.status, job.fence
            FROM jobs.leases AS lease
            JOIN jobs.jobs AS job ON job.id = lease.job_id AND job.fence = lease.fence
            WHERE lease.worker_id = ANY(\(workers))
            ORDER BY job.id
            FOR UPDATE OF job
        ), lost AS (
            SELECT job.id, job.attempt >= job.max_attempts OR job.lease_deaths + 1 >= \(maximumLeaseDeaths) AS final,
                job.lease_deaths + 1 >= \(maximumLeaseDeaths) AS is_poison
            FROM jobs.jobs AS job JOIN locked ON locked.id = job.id
            WHERE locked.status = \(JobStatus.processing)
        ), failed AS (
            UPDATE jobs.jobs AS job
            SET status = \(JobStatus.failed), seq = job.seq + 1, fence = job.fence + 1, completed_at = now(),
                phase = CASE WHEN lost.is_poison THEN \(JobPhase.quarantined) ELSE \(JobPhase.finished) END,
                error_code = CASE WHEN lost.is_poison THEN 'QUARANTINED' ELSE 'WORKER_LOST' END,
                lease_deaths = job.lease_deaths + 1,
                error_message = CASE WHEN lost.is_poison THEN 'its workers died under it again and again'
                    ELSE 'its worker stopped answering while it ran the last attempt' END
            FROM lost
            WHERE job.id = lost.id AND lost.final
            RETURNING job
        ), told AS (
            \(DependencyStatements.tell("failed"))
        ), failures AS (
            \(EventLog.appendStatuses(ofJobsIn: "failed"))
        ), outcome AS (
            SELECT locked.id, NULL::json AS checkpoint
            FROM locked
            WHERE NOT EXISTS (SELECT FROM lost WHERE lost.id = locked.id AND lost.final)
        ), \(handBack(source: "locked JOIN outcome ON outcome.id = locked.id", attempt: "job.attempt", deaths: "1"))
        UNION ALL
        SELECT (job).id, (job).fence, (job).kind FROM failed
        """
    }

    /// Puts jobs in line again that a worker has leased and not started, but for some; `begunToo`: nor has started
    /// itself, because they were begun with the claim. It costs no attempt.
    static func handBackUnstarted(
        _ worker: WorkerID,
        except keys: [LeaseKey],
        olderThan age: Duration,
        begunToo: Bool
    ) -> SQL {
        """
        WITH locked AS (
            SELECT job.id, job.status, job.fence
            FROM jobs.leases AS lease
            JOIN jobs.jobs AS job ON job.id = lease.job_id AND job.fence = lease.fence
            WHERE lease.worker_id = \(worker) AND lease.leased_at <= now() - \(age)
                AND (job.status = \(JobStatus.queued)
                    OR \(begunToo) AND lease.started_at = lease.leased_at AND job.status = \(JobStatus.processing))
                AND (lease.job_id, lease.fence) NOT IN (
                    SELECT known.id, known.fence
                    FROM unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS known (id, fence)
                )
            ORDER BY job.id
            FOR UPDATE OF job
        ), outcome AS (
            SELECT id, NULL::json AS checkpoint FROM locked
        ), \(handBack(source: "locked JOIN outcome ON outcome.id = locked.id", attempt: "job.attempt - 1", deaths: "0"))
        """
    }

    /// Which of the verbs that found no lease were done before by the same lease.
    static func doneBefore(_ keys: [LeaseKey], _ verb: LeaseVerb) -> SQL {
        """
        SELECT item.id, item.fence
        FROM jobs.jobs AS job
        JOIN unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS item (id, fence) ON item.id = job.id
        WHERE (job.ended_fence = item.fence AND job.ended_verb = \(verb.rawValue))
            OR (\(verb == .start) AND job.fence = item.fence AND job.status = \(JobStatus.processing))
        """
    }

    /// Which of the jobs are leased by these fences at all.
    static func held(_ keys: [LeaseKey]) -> SQL {
        """
        SELECT item.id, item.fence
        FROM jobs.jobs AS job
        JOIN unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS item (id, fence)
            ON item.id = job.id AND item.fence = job.fence
        """
    }

    /// The live leases of sessions.
    static func heldBy(_ workers: [WorkerID]) -> SQL {
        """
        SELECT lease.job_id, lease.fence
        FROM jobs.leases AS lease
        JOIN jobs.jobs AS job ON job.id = lease.job_id AND job.fence = lease.fence
        WHERE lease.worker_id = ANY(\(workers))
        """
    }

    /// Leases whose attempt takes too long; their jobs' rows are locked by `fail`.
    static func timedOut(limit: Int) -> SQL {
        """
        SELECT lease.job_id, lease.fence
        FROM jobs.leases AS lease
        WHERE lease.times_out_at < now() AND lease.revoked_at IS NULL
        ORDER BY lease.times_out_at
        LIMIT \(limit)
        """
    }

    /// Forgets leases whose jobs went on without them and whose workers have had time to hear of it.
    static let sweep: SQL = """
        DELETE FROM jobs.leases AS lease
        USING jobs.jobs AS job
        WHERE job.id = lease.job_id AND job.fence <> lease.fence
            AND coalesce(lease.revoked_at, lease.leased_at) < now() - interval '60 seconds'
        """
}
