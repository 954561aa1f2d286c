import Contracts
import Kernel
import Messaging
import Postgres

/// Statements that look for what must not be. Each returns the check, what it is about, and words; all look at the part of
/// the primary keys from `low` to before `high`, which is one page of jobs and what lies between them.
enum AuditStatements {
    /// Findings beyond this many are not told.
    static let maximum = 1000

    /// The ids of a page, newest first.
    static func page(before high: UUID, limit: Int) -> SQL {
        "SELECT id FROM jobs.jobs WHERE id < \(high) ORDER BY id DESC LIMIT \(limit)"
    }

    /// Where jobs are, against what they are.
    static func places(from low: UUID, to high: UUID) -> SQL {
        let jobs: SQL = "job.id >= \(low) AND job.id < \(high)"
        func rows(_ column: SQL) -> SQL { "\(column) >= \(low) AND \(column) < \(high)" }
        let leased: SQL = """
            EXISTS (
                SELECT FROM jobs.leases AS lease
                WHERE lease.job_id = job.id AND lease.fence = job.fence AND lease.revoked_at IS NULL
            )
            """
        return """
            SELECT \(name(.queuedNowhere)), job.id, 'since event ' || job.seq
            FROM jobs.jobs AS job
            WHERE \(jobs) AND job.status = \(JobStatus.queued) AND NOT \(leased)
                AND NOT EXISTS (SELECT FROM jobs.ready WHERE ready.job_id = job.id)
            UNION ALL
            SELECT \(name(.scheduledNowhere)), job.id, 'due at ' || job.run_at
            FROM jobs.jobs AS job
            WHERE \(jobs) AND job.status = \(JobStatus.scheduled)
                AND NOT EXISTS (SELECT FROM jobs.scheduled WHERE scheduled.job_id = job.id)
            UNION ALL
            SELECT \(name(.blockedForever)), job.id, 'depends on ' || cardinality(job.depends_on) || ' jobs'
            FROM jobs.jobs AS job
            WHERE \(jobs) AND job.status = \(JobStatus.blocked)
                AND NOT EXISTS (
                    SELECT FROM jobs.jobs AS parent
                    WHERE parent.id = ANY(job.depends_on) AND parent.completed_at IS NULL
                )
                AND NOT EXISTS (
                    SELECT FROM jobs.dependency_checks AS note WHERE note.job_id = ANY(job.depends_on || job.id)
                )
            UNION ALL
            SELECT \(name(.processingWithoutLease)), job.id, 'fence ' || job.fence
            FROM jobs.jobs AS job
            WHERE \(jobs) AND job.status = \(JobStatus.processing) AND NOT \(leased)
            UNION ALL
            SELECT \(name(.leaseWithoutJob)), lease.job_id, 'held by worker ' || lease.worker_id
            FROM jobs.leases AS lease
            WHERE \(rows("lease.job_id")) AND NOT EXISTS (SELECT FROM jobs.jobs AS job WHERE job.id = lease.job_id)
            UNION ALL
            SELECT \(name(.wrongFence)), job.id, 'lease ' || lease.fence || ', job ' || job.fence
            FROM jobs.leases AS lease JOIN jobs.jobs AS job ON job.id = lease.job_id
            WHERE \(rows("lease.job_id"))
                AND (lease.fence > job.fence OR lease.fence < job.fence AND lease.revoked_at IS NULL)
            UNION ALL
            SELECT \(name(.finalWithLease)), job.id, job.status || ', held by worker ' || lease.worker_id
            FROM jobs.leases AS lease JOIN jobs.jobs AS job ON job.id = lease.job_id
            WHERE \(rows("lease.job_id")) AND job.completed_at IS NOT NULL AND lease.revoked_at IS NULL
            UNION ALL
            SELECT \(name(.deadWorkersLease)), lease.job_id, 'worker ' || worker.id || ' since ' || worker.expires_at
            FROM jobs.leases AS lease JOIN jobs.workers AS worker ON worker.id = lease.worker_id
            WHERE \(rows("lease.job_id")) AND worker.expires_at < now() - interval '1 minute'
            UNION ALL
            SELECT \(name(.wronglyInLine)), place.job_id, coalesce(job.status, 'not there')
            FROM jobs.ready AS place LEFT JOIN jobs.jobs AS job ON job.id = place.job_id
            WHERE \(rows("place.job_id")) AND job.status IS DISTINCT FROM \(JobStatus.queued)
            UNION ALL
            SELECT \(name(.wronglyTimed)), place.job_id, coalesce(job.status, 'not there')
            FROM jobs.scheduled AS place LEFT JOIN jobs.jobs AS job ON job.id = place.job_id
            WHERE \(rows("place.job_id")) AND job.status IS DISTINCT FROM \(JobStatus.scheduled)
            LIMIT \(maximum)
            """
    }

    /// What the log says of jobs, against what their rows say. The log may have forgotten the beginning of jobs that are
    /// older than `keptDays`; what it has must be whole.
    static func histories(from low: UUID, to high: UUID, keptDays: Int) -> SQL {
        """
        WITH history AS MATERIALIZED (
            SELECT job.id, job.seq, job.status, job.created_at, log.*
            FROM jobs.jobs AS job
            CROSS JOIN LATERAL (
                SELECT count(*) AS events, count(DISTINCT event.seq) AS numbers, min(event.seq) AS lowest,
                    max(event.seq) AS highest,
                    count(*) FILTER (WHERE event.said = ANY(\(finalStatuses))) AS finals,
                    min(event.seq) FILTER (WHERE event.said = ANY(\(finalStatuses))) AS first_final,
                    (array_agg(event.said ORDER BY event.seq DESC))[1] AS last_said
                FROM (
                    SELECT events.seq, events.body ->> 'status' AS said
                    FROM shared.events
                    WHERE events.subject = job.id
                        AND events.type = \(unchecked: "'\(EventType.jobStatusUpdated.rawValue)'")
                ) AS event
            ) AS log
            WHERE job.id >= \(low) AND job.id < \(high)
        )
        SELECT \(name(.sequenceGap)), id, events || ' events from ' || lowest || ' to ' || highest
        FROM history
        WHERE events > 0 AND (
            events <> numbers OR numbers <> highest - lowest + 1
            OR lowest <> 1 AND created_at > now() - make_interval(days => \(keptDays - 1)::integer)
        )
        UNION ALL
        SELECT \(name(.rowIsNotLastEvent)), id,
            'row ' || status || ' ' || seq || ', log ' || coalesce(last_said || ' ' || highest, 'empty')
        FROM history
        WHERE CASE WHEN events > 0 THEN (highest, last_said) IS DISTINCT FROM (seq, status)
            ELSE created_at > now() - make_interval(days => \(keptDays - 1)::integer) END
        UNION ALL
        SELECT \(name(.twoFinalEvents)), id, finals || ' final events' FROM history WHERE finals > 1
        UNION ALL
        SELECT \(name(.changedAfterFinal)), id, 'final at ' || first_final || ', last ' || highest
        FROM history
        WHERE first_final < highest
        LIMIT \(maximum)
        """
    }

    /// What concerns no job in particular. Where nothing was ever published, nothing has to be.
    static let whole: SQL = """
        SELECT * FROM (
            SELECT \(name(.unpublished)), event.subject, event.event_id || ' of ' || event.at
            FROM shared.cursors AS place
            JOIN shared.events AS event ON (event.transaction_id, event.id) > (place.transaction_id, place.row_id)
            WHERE place.name = 'relay' AND place.epoch = shared.log_epoch() AND event.at < now() - interval '1 minute'
            ORDER BY event.transaction_id, event.id
            LIMIT \(maximum)
        ) AS unpublished
        UNION ALL
        SELECT \(name(.overCapacity)), worker.id, held.count || ' leases, capacity ' || worker.capacity
        FROM jobs.workers AS worker
        JOIN (SELECT worker_id, count(*) FROM jobs.leases GROUP BY worker_id) AS held ON held.worker_id = worker.id
        WHERE held.count > worker.capacity
        """

    private static func name(_ check: AuditCheck) -> SQL { "\(unchecked: "'\(check.rawValue)'::text")" }

    private static let finalStatuses = JobStatus.allCases.filter(\.isFinal).map(\.rawValue)
}
