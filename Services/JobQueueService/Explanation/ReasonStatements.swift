import Contracts
import Postgres

/// Statements that find out what keeps a job.
enum ReasonStatements {
    /// The database's time, how many workers died under the job, and who has its live lease.
    static func facts(_ id: JobID) -> SQL {
        """
        SELECT now(), job.lease_deaths, lease.worker_id, worker.name, lease.leased_at, lease.started_at,
            lease.times_out_at, worker.expires_at
        FROM jobs.jobs AS job
        LEFT JOIN jobs.leases AS lease ON lease.job_id = job.id AND lease.fence = job.fence AND lease.revoked_at IS NULL
        LEFT JOIN jobs.workers AS worker ON worker.id = lease.worker_id
        WHERE job.id = \(id)
        """
    }

    /// Those of some jobs that have not ended, with their statuses.
    static func open(_ ids: [JobID], limit: Int) -> SQL {
        """
        SELECT id, status FROM jobs.jobs
        WHERE id = ANY(\(ids)) AND completed_at IS NULL
        ORDER BY id
        LIMIT \(limit)
        """
    }

    /// Of the sessions that live: how many take the job's kind; its queue too; its project too; and are not told to
    /// drain; how much those can hold, and how much they do.
    static func workers(for job: Job) -> SQL {
        """
        SELECT count(*) FILTER (WHERE fits_kind), count(*) FILTER (WHERE fits_kind AND fits_queue),
            count(*) FILTER (WHERE fits_kind AND fits_queue AND fits_project),
            count(*) FILTER (WHERE takes_it), coalesce(sum(capacity) FILTER (WHERE takes_it), 0),
            coalesce(sum(held) FILTER (WHERE takes_it), 0)::bigint
        FROM (
            SELECT worker.*, fits_kind AND fits_queue AND fits_project AND NOT draining AS takes_it,
                (SELECT count(*) FROM jobs.leases AS lease WHERE lease.worker_id = worker.id) AS held
            FROM (
                SELECT id, capacity, draining, \(job.kind) = ANY(kinds) AS fits_kind,
                    queues IS NULL OR \(job.queue) = ANY(queues) AS fits_queue,
                    project_id IS NULL OR project_id IS NOT DISTINCT FROM \(job.projectID)::uuid AS fits_project
                FROM jobs.workers
                WHERE expires_at > now()
            ) AS worker
        ) AS worker
        """
    }

    /// How many jobs of its kind are served before one that is in line; no row when it is not. Not more than `limit`
    /// are counted of a priority.
    static func ahead(of id: JobID, limit: Int) -> SQL {
        """
        SELECT (
            SELECT count(*) FROM (
                SELECT FROM jobs.ready AS other
                WHERE other.kind = place.kind AND other.lane IS NULL AND other.priority > place.priority
                LIMIT \(limit)
            ) AS higher
        ) + (
            SELECT count(*) FROM (
                SELECT FROM jobs.ready AS other
                WHERE other.kind = place.kind AND other.lane IS NULL AND other.priority = place.priority
                    AND other.entered < place.entered
                LIMIT \(limit)
            ) AS earlier
        )
        FROM jobs.ready AS place
        WHERE place.job_id = \(id) AND place.lane IS NULL
        """
    }

    /// How many jobs of a kind were begun in the last ten minutes, and in how many seconds that was.
    static func recentStarts(_ kind: String) -> SQL {
        """
        SELECT coalesce(sum(count), 0)::bigint,
            greatest(extract(epoch FROM now() - min(minute)), 10)::double precision
        FROM jobs.starts
        WHERE kind = \(kind) AND minute > now() - interval '10 minutes'
        """
    }
}
