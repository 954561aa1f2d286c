import Contracts
import Kernel
import Postgres

/// Statements that delete what has ended long enough ago.
enum RetentionStatements {
    static func find(_ queue: String) -> SQL {
        "SELECT \(columns) FROM jobs.retention WHERE queue = \(queue)"
    }

    static let all: SQL = "SELECT queue, \(columns) FROM jobs.retention ORDER BY queue"

    static func store(_ periods: RetentionPeriods, of queue: String) -> SQL {
        """
        INSERT INTO jobs.retention (queue, \(columns))
        VALUES (\(queue), \(periods[.completed]), \(periods[.failed]), \(periods[.cancelled]), \(periods[.expired]))
        ON CONFLICT (queue) DO UPDATE
        SET completed_ms = EXCLUDED.completed_ms, failed_ms = EXCLUDED.failed_ms,
            cancelled_ms = EXCLUDED.cancelled_ms, expired_ms = EXCLUDED.expired_ms, updated_at = now()
        """
    }

    /// In the order in which `RetentionPeriods` reads them.
    static let columns: SQL = "completed_ms, failed_ms, cancelled_ms, expired_ms"

    /// Deletes the jobs of a page whose time is over, with all that belongs to them. Returns how many jobs the page has,
    /// the last one's id, and how many were deleted.
    ///
    /// A page is a part of the primary key, whose ids are ordered by time: no index knows when jobs ended, so their end
    /// costs none. What others still rely on stays: a lease whose worker is still to be told; an asset made of the job;
    /// a unique key that is the job's for a time or for ever; a blocked job that waits for this one; the job that this one
    /// is the retry of, which would be taken for one that was not retried.
    static func remove(
        after: UUID,
        before bound: UUID,
        defaults: RetentionPeriods,
        atMost limit: Int
    ) -> SQL {
        """
        WITH page AS MATERIALIZED (
            SELECT id, queue, status, completed_at, retry_of
            FROM jobs.jobs
            WHERE id > \(after) AND id < \(bound)
            ORDER BY id
            LIMIT \(limit)
        ), judged AS (
            SELECT page.*, CASE page.status
                WHEN 'completed' THEN coalesce(own.completed_ms, \(defaults[.completed]))
                WHEN 'failed' THEN coalesce(own.failed_ms, \(defaults[.failed]))
                WHEN 'cancelled' THEN coalesce(own.cancelled_ms, \(defaults[.cancelled]))
                WHEN 'expired' THEN coalesce(own.expired_ms, \(defaults[.expired]))
            END AS kept_ms
            FROM page LEFT JOIN jobs.retention AS own ON own.queue = page.queue
        ), due AS MATERIALIZED (
            SELECT job.id
            FROM judged JOIN jobs.jobs AS job ON job.id = judged.id
            WHERE judged.kept_ms > 0 AND judged.completed_at < now() - make_interval(secs => judged.kept_ms / 1000.0)
                AND NOT EXISTS (SELECT FROM jobs.leases AS lease WHERE lease.job_id = judged.id)
                AND NOT EXISTS (SELECT FROM agent.asset_jobs AS asset WHERE asset.job_id = judged.id)
                AND NOT EXISTS (
                    SELECT FROM jobs.unique_claims AS claim
                    WHERE claim.job_id = judged.id AND claim.scope IN ('window', 'forever')
                        AND (claim.scope = 'forever' OR claim.expires_at > now())
                )
                AND NOT EXISTS (
                    SELECT FROM jobs.dependents AS dependent JOIN jobs.jobs AS child ON child.id = dependent.job_id
                    WHERE dependent.parent_id = judged.id AND child.status = \(JobStatus.blocked)
                )
                AND NOT EXISTS (SELECT FROM jobs.jobs AS original WHERE original.id = judged.retry_of)
            ORDER BY job.id
            FOR UPDATE OF job SKIP LOCKED
        ), loosened AS (
            INSERT INTO jobs.loose_files (sha256)
            SELECT DISTINCT sha256 FROM jobs.files WHERE job_id IN (SELECT id FROM due)
            ORDER BY sha256
            ON CONFLICT (sha256) DO UPDATE SET loose_since = now()
        ), undue AS (
            DELETE FROM jobs.deadlines WHERE job_id IN (SELECT id FROM due)
        ), parted AS (
            DELETE FROM jobs.dependents WHERE parent_id IN (SELECT id FROM due)
        ), removed AS (
            DELETE FROM jobs.jobs AS job
            USING due
            WHERE job.id = due.id
            RETURNING job.project_id, job.queue, job.kind, job.status
        ), change AS (
            SELECT project_id, queue, kind, status, -1 AS change FROM removed
        ), counted AS (
            \(StatsStatements.add("change"))
        )
        SELECT (SELECT count(*) FROM page), (SELECT id FROM page ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM removed)
        """
    }

    // MARK: Files

    /// Contents that no job has yielded any more. One that a job has yielded since is no longer loose.
    static func loose(atMost limit: Int) -> SQL {
        """
        WITH old AS (
            SELECT sha256 FROM jobs.loose_files ORDER BY loose_since LIMIT \(limit) FOR UPDATE SKIP LOCKED
        ), used AS (
            DELETE FROM jobs.loose_files AS loose
            USING old
            WHERE loose.sha256 = old.sha256 AND EXISTS (SELECT FROM jobs.files WHERE files.sha256 = old.sha256)
        )
        SELECT old.sha256 FROM old
        WHERE NOT EXISTS (SELECT FROM jobs.files WHERE files.sha256 = old.sha256)
        """
    }

    static func forgetLoose(_ contents: [[UInt8]]) -> SQL {
        "DELETE FROM jobs.loose_files WHERE encode(sha256, 'hex') = ANY(\(contents.map(Hex.encode)))"
    }

    /// Puts contents at the end of the line: their files are too new to be removed.
    static func postponeLoose(_ contents: [[UInt8]]) -> SQL {
        "UPDATE jobs.loose_files SET loose_since = now() WHERE encode(sha256, 'hex') = ANY(\(contents.map(Hex.encode)))"
    }
}
