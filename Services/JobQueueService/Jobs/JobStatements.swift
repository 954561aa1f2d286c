import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// Statements that read `jobs.jobs`, and that change a job from outside of its lease.
///
/// Locks are taken in one order everywhere: the job's row, then its lease. Rows of `ready` and `scheduled` are locked
/// first by who takes jobs out of them, and only with SKIP LOCKED by who holds a job's row.
enum JobStatements {
    static func find(_ id: JobID, project: ProjectID?) -> SQL {
        """
        SELECT \(Job.columns)
        FROM jobs.jobs AS job
        WHERE job.id = \(id) AND (\(project)::uuid IS NULL OR job.project_id = \(project))
        """
    }

    static func list(_ filter: JobFilter, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(Job.columns)
        FROM jobs.jobs AS job
        WHERE \(filter.condition) AND (\(before)::uuid IS NULL OR job.id < \(before))
        ORDER BY job.id DESC
        LIMIT \(limit)
        """
    }

    /// Locks a job for what follows in the same transaction.
    static func lock(_ id: JobID, project: ProjectID?) -> SQL {
        """
        SELECT \(Job.columns)
        FROM jobs.jobs AS job
        WHERE job.id = \(id) AND (\(project)::uuid IS NULL OR job.project_id = \(project))
        FOR UPDATE
        """
    }

    /// Jobs that a filter finds and that have not ended.
    static func open(_ filter: JobFilter, limit: Int) -> SQL {
        """
        SELECT job.id FROM jobs.jobs AS job
        WHERE \(filter.condition) AND job.completed_at IS NULL
        ORDER BY job.id
        LIMIT \(limit)
        """
    }

    /// Jobs that a filter finds and of which no other says that it is the retry.
    static func unretried(_ filter: JobFilter, limit: Int) -> SQL {
        """
        SELECT job.id FROM jobs.jobs AS job
        WHERE \(filter.condition) AND NOT EXISTS (SELECT FROM jobs.jobs AS later WHERE later.retry_of = job.id)
        ORDER BY job.id
        LIMIT \(limit)
        """
    }

    /// Those of some jobs of which no other says that it is the retry.
    static func unretried(_ ids: [JobID]) -> SQL {
        """
        SELECT job.id FROM jobs.jobs AS job
        WHERE job.id = ANY(\(ids)) AND NOT EXISTS (SELECT FROM jobs.jobs AS later WHERE later.retry_of = job.id)
        """
    }

    /// Some jobs, in the order of their ids.
    static func all(_ ids: [JobID]) -> SQL {
        "SELECT \(Job.columns) FROM jobs.jobs AS job WHERE job.id = ANY(\(ids)) ORDER BY job.id"
    }

    /// Locks jobs that have ended, for what follows in the same transaction.
    static func lockEnded(_ ids: [JobID]) -> SQL {
        "SELECT id FROM jobs.jobs WHERE id = ANY(\(ids)) AND completed_at IS NOT NULL ORDER BY id FOR UPDATE"
    }

    /// Locks jobs that have not ended, for what follows in the same transaction.
    static func lock(_ ids: [JobID]) -> SQL {
        """
        SELECT job.id
        FROM jobs.jobs AS job
        WHERE job.id = ANY(\(ids)) AND job.completed_at IS NULL
        ORDER BY job.id
        FOR UPDATE
        """
    }

    /// Gives jobs that are not final one of the final statuses; the caller has locked them. Whoever has a lease is to
    /// be told.
    static func end(_ ids: [JobID], as status: JobStatus, code: String?, message: String?) -> SQL {
        """
        WITH changed AS (
            UPDATE jobs.jobs AS job
            SET status = \(status), phase = \(JobPhase.finished), seq = job.seq + 1, fence = job.fence + 1,
                completed_at = now(), error_code = \(code), error_message = \(message)
            WHERE job.id = ANY(\(ids)) AND job.completed_at IS NULL
            RETURNING job
        ), unlined AS (
            DELETE FROM jobs.ready WHERE job_id IN (
                SELECT job_id FROM jobs.ready WHERE job_id IN (SELECT (job).id FROM changed) FOR UPDATE SKIP LOCKED
            )
        ), unscheduled AS (
            DELETE FROM jobs.scheduled WHERE job_id IN (
                SELECT job_id FROM jobs.scheduled WHERE job_id IN (SELECT (job).id FROM changed) FOR UPDATE SKIP LOCKED
            )
        ), revoked AS (
            UPDATE jobs.leases SET revoked_at = now()
            WHERE job_id IN (SELECT (job).id FROM changed) AND revoked_at IS NULL
        ), told AS (
            \(DependencyStatements.tell("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).id FROM changed
        """
    }

    /// Takes deadlines that have passed, ended jobs' and others'.
    static func takeOverdue(limit: Int) -> SQL {
        """
        WITH overdue AS (
            SELECT job_id FROM jobs.deadlines
            WHERE deadline_at <= now()
            ORDER BY deadline_at
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        DELETE FROM jobs.deadlines USING overdue WHERE deadlines.job_id = overdue.job_id RETURNING deadlines.job_id
        """
    }

    /// Hands `data` to a locked job, and puts it in line when it is suspended.
    static func resume(_ id: JobID, data: RawJSON) -> SQL {
        """
        WITH told AS (
            UPDATE jobs.jobs AS job
            SET resume_data = \(data), resume_fence = job.fence,
                status = CASE WHEN job.phase = \(JobPhase.suspended) THEN \(JobStatus.queued) ELSE job.status END,
                phase = CASE WHEN job.phase = \(JobPhase.suspended) THEN \(JobPhase.waiting) ELSE job.phase END,
                seq = job.seq + (job.phase = \(JobPhase.suspended))::integer
            WHERE job.id = \(id)
            RETURNING job
        ), changed AS (
            SELECT job FROM told WHERE (job).status = \(JobStatus.queued)
        ), unscheduled AS (
            DELETE FROM jobs.scheduled WHERE job_id IN (
                SELECT job_id FROM jobs.scheduled WHERE job_id IN (SELECT (job).id FROM changed) FOR UPDATE SKIP LOCKED
            )
        ), lined AS (
            \(enter("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).kind FROM changed
        """
    }

    /// Those of some jobs that there are, for a caller who may see one project only.
    static func existing(_ ids: [JobID], project: ProjectID?) -> SQL {
        """
        SELECT job.id
        FROM jobs.jobs AS job
        WHERE job.id = ANY(\(ids)) AND (\(project)::uuid IS NULL OR job.project_id = \(project))
        """
    }

    /// Puts jobs whose time has come in line.
    static func promote(limit: Int) -> SQL {
        """
        WITH due AS (
            SELECT job_id FROM jobs.scheduled
            WHERE run_at <= now()
            ORDER BY run_at
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        ), taken AS (
            DELETE FROM jobs.scheduled USING due WHERE scheduled.job_id = due.job_id RETURNING scheduled.job_id
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET status = \(JobStatus.queued), phase = \(JobPhase.waiting), seq = job.seq + 1
            FROM taken
            WHERE job.id = taken.job_id AND job.status = \(JobStatus.scheduled)
            RETURNING job
        ), lined AS (
            \(enter("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).kind FROM changed
        """
    }

    /// When the next scheduled job is due.
    static let nextDue: SQL = "SELECT min(run_at) - now() FROM jobs.scheduled"

    /// Puts the queued ones of the jobs in the column `job` of a CTE in line: the open one, or their lane when there
    /// may be a limit.
    ///
    /// Without a look at `limits` all go to the open line. That is for who believes that there are none: a job that is
    /// wrong there is not claimed, and brought into its lane soon.
    static func enter(_ name: String, limits: Bool = true) -> SQL {
        guard limits else {
            return """
                INSERT INTO jobs.ready (job_id, kind, queue, project_id, priority)
                SELECT (job).id, (job).kind, (job).queue, (job).project_id, (job).priority
                FROM \(unchecked: name)
                WHERE (job).status = \(JobStatus.queued)
                ORDER BY (job).id
                """
        }
        return """
            INSERT INTO jobs.ready (job_id, kind, queue, project_id, priority, lane)
            SELECT (job).id, (job).kind, (job).queue, (job).project_id, (job).priority,
                CASE
                    WHEN (job).concurrency_key IS NOT NULL
                        OR (job).queue IN (SELECT queue.name FROM jobs.queues AS queue WHERE queue.is_gated)
                    THEN coalesce((job).project_id::text, '') || ':' || coalesce((job).concurrency_key, '')
                END
            FROM \(unchecked: name)
            WHERE (job).status = \(JobStatus.queued)
            ORDER BY (job).id
            """
    }

    /// Puts the scheduled ones of the jobs in the column `job` of a CTE where they wait for their time. Who resumes a job
    /// leaves its row to a promotion that has it, and a promotion that dies leaves it behind.
    static func schedule(_ name: String) -> SQL {
        """
        INSERT INTO jobs.scheduled (job_id, run_at)
        SELECT (job).id, (job).run_at
        FROM \(unchecked: name)
        WHERE (job).status = \(JobStatus.scheduled)
        ON CONFLICT (job_id) DO UPDATE SET run_at = excluded.run_at
        """
    }

    static func logs(_ id: JobID, after: Int, limit: Int) -> SQL {
        "SELECT id, attempt, at, line FROM jobs.logs WHERE job_id = \(id) AND id > \(after) ORDER BY id LIMIT \(limit)"
    }
}
