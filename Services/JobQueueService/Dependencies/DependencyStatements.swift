import Contracts
import Messaging
import Postgres

/// Statements of jobs that wait for other jobs.
///
/// A parent's end and a child's arrival may happen at the same time, and neither statement sees the other. So a child
/// is always stored as blocked, and looked at afterwards; who looks marks the parents that have not ended, under their
/// rows' locks. A parent that ends later finds the mark in its own row, which is never stale, and leaves a note.
enum DependencyStatements {
    /// Stores who waits for whom, for the jobs in the column `job` of a CTE. It is the body of a CTE itself.
    static func register(_ name: String) -> SQL {
        """
        INSERT INTO jobs.dependents (parent_id, job_id)
        SELECT parent.id, (job).id
        FROM \(unchecked: name) CROSS JOIN LATERAL unnest((job).depends_on) AS parent (id)
        """
    }

    /// Notes that the blocked ones of the jobs in a CTE are to be looked at.
    static func check(_ name: String) -> SQL {
        """
        INSERT INTO jobs.dependency_checks (job_id, has_ended)
        SELECT (job).id, false FROM \(unchecked: name) WHERE (job).status = \(JobStatus.blocked)
        """
    }

    /// Notes the end of those jobs in a CTE that others wait for.
    static func tell(_ name: String) -> SQL {
        """
        INSERT INTO jobs.dependency_checks (job_id, has_ended)
        SELECT (job).id, true FROM \(unchecked: name)
        WHERE \(isAwaited) AND (job).completed_at IS NOT NULL
        """
    }

    /// Whether others may wait for the end of the job in the column `job`.
    static let isAwaited: SQL = "((job).has_dependents OR (job).ordering_key IS NOT NULL)"

    /// Takes notes: the job, and whether it is one that has ended.
    static func take(limit: Int) -> SQL {
        """
        WITH due AS (
            SELECT id FROM jobs.dependency_checks ORDER BY id LIMIT \(limit) FOR UPDATE SKIP LOCKED
        )
        DELETE FROM jobs.dependency_checks AS note USING due WHERE note.id = due.id
        RETURNING note.job_id, note.has_ended
        """
    }

    /// Notes that those who wait for these jobs are to be looked at.
    static func expand(_ parents: [JobID]) -> SQL {
        """
        INSERT INTO jobs.dependency_checks (job_id, has_ended)
        SELECT DISTINCT job_id, false FROM jobs.dependents WHERE parent_id = ANY(\(parents))
        """
    }

    /// Locks blocked jobs and those that they wait for, all in one order.
    static func lock(_ children: [JobID]) -> SQL {
        """
        SELECT job.id
        FROM jobs.jobs AS job
        WHERE job.completed_at IS NULL
            AND job.id IN (
                SELECT unnest(\(children))
                UNION
                SELECT unnest(child.depends_on) FROM jobs.jobs AS child WHERE child.id = ANY(\(children))
            )
        ORDER BY job.id
        FOR UPDATE
        """
    }

    /// Marks what has not ended of that which these jobs wait for.
    static func mark(_ children: [JobID]) -> SQL {
        """
        UPDATE jobs.jobs AS parent
        SET has_dependents = true
        FROM (
            SELECT DISTINCT unnest(child.depends_on) AS id FROM jobs.jobs AS child WHERE child.id = ANY(\(children))
        ) AS wanted
        WHERE parent.id = wanted.id AND parent.completed_at IS NULL AND NOT parent.has_dependents
        """
    }

    /// Frees those of the blocked jobs whose parents have ended and whose turn it is, and ends those whose parents let
    /// them down. A parent whose row is gone has ended before this job named it: one that a blocked job waits for is
    /// not deleted.
    static func resolve(_ children: [JobID]) -> SQL {
        """
        WITH verdict AS (
            SELECT child.id,
                bool_and(parent.id IS NULL OR parent.completed_at IS NOT NULL)
                    AND (child.ordering_key IS NULL OR \(OrderStatements.isReleased)) AS all_ended,
                min(parent.id::text) FILTER (
                    WHERE parent.completed_at IS NOT NULL AND parent.status <> \(JobStatus.completed)
                        AND child.on_parent_failure <> 'run'
                ) AS culprit
            FROM jobs.jobs AS child
            LEFT JOIN LATERAL unnest(child.depends_on) AS wanted (id) ON true
            LEFT JOIN jobs.jobs AS parent ON parent.id = wanted.id
            WHERE child.id = ANY(\(children)) AND child.status = \(JobStatus.blocked)
            GROUP BY child.id
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET status = CASE
                    WHEN culprit IS NULL AND job.run_at > now() THEN \(JobStatus.scheduled)
                    WHEN culprit IS NULL THEN \(JobStatus.queued)
                    WHEN job.on_parent_failure = 'skip' THEN \(JobStatus.cancelled)
                    ELSE \(JobStatus.failed)
                END,
                phase = CASE WHEN culprit IS NULL THEN \(JobPhase.waiting) ELSE \(JobPhase.finished) END,
                seq = job.seq + 1, fence = job.fence + 1,
                completed_at = CASE WHEN culprit IS NULL THEN NULL ELSE now() END,
                error_code = CASE WHEN culprit IS NULL THEN NULL ELSE 'PARENT_FAILED' END,
                error_message = 'job ' || culprit || ', which it depends on, did not complete'
            FROM verdict
            WHERE job.id = verdict.id AND (verdict.all_ended OR verdict.culprit IS NOT NULL)
            RETURNING job
        ), lined AS (
            \(JobStatements.enter("changed"))
        ), waiting AS (
            \(JobStatements.schedule("changed"))
        ), told AS (
            \(tell("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).kind FROM changed
        """
    }
}
