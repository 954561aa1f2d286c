import Contracts
import Messaging
import Postgres

/// Statements over `jobs.queues`. Whoever changes a queue holds off claims first, then locks the queue's row.
enum QueueStatements {
    /// Waits for the claims that are under way, and lets no other begin until the transaction ends.
    ///
    /// A claim writes leases, and a statement locks its tables before it takes its snapshot: so one that had to wait
    /// here knows of the change, and claims need nothing of their own for it.
    static let holdClaims: SQL = "LOCK TABLE jobs.leases IN SHARE ROW EXCLUSIVE MODE"

    /// The version of a queue, if somebody configured it.
    static func version(_ name: String) -> SQL { "SELECT version FROM jobs.queues WHERE name = \(name)" }

    /// Sets all limits of a queue; `paused` is left as it is when nothing is said.
    static func put(_ name: String, _ limits: QueueLimits, paused: Bool?, by caller: String) -> SQL {
        """
        INSERT INTO jobs.queues AS queue (
            name, concurrency, per_key_concurrency, rate_count, rate_per_ms, rate_burst, per_key_rate_count,
            per_key_rate_per_ms, per_key_rate_burst, weight, fair_share, project_weights, paused_at, paused_by
        )
        VALUES (
            \(name), \(limits.concurrency), \(limits.perKeyConcurrency), \(limits.rate?.count),
            \(limits.rate?.perMilliseconds), \(limits.rate?.burst), \(limits.perKeyRate?.count),
            \(limits.perKeyRate?.perMilliseconds), \(limits.perKeyRate?.burst), \(limits.weight),
            \(limits.sharesFairly), \(limits.projectWeights)::text::jsonb,
            CASE WHEN \(paused == true) THEN now() END, CASE WHEN \(paused == true) THEN \(caller) END
        )
        ON CONFLICT (name) DO UPDATE
        SET concurrency = excluded.concurrency, per_key_concurrency = excluded.per_key_concurrency,
            rate_count = excluded.rate_count, rate_per_ms = excluded.rate_per_ms, rate_burst = excluded.rate_burst,
            per_key_rate_count = excluded.per_key_rate_count, per_key_rate_per_ms = excluded.per_key_rate_per_ms,
            per_key_rate_burst = excluded.per_key_rate_burst, weight = excluded.weight,
            fair_share = excluded.fair_share, project_weights = excluded.project_weights,
            paused_at = CASE
                WHEN \(paused == nil) THEN queue.paused_at
                WHEN \(paused == true) THEN coalesce(queue.paused_at, now())
            END,
            paused_by = CASE
                WHEN \(paused == nil) THEN queue.paused_by
                WHEN \(paused == true) THEN coalesce(queue.paused_by, \(caller))
            END,
            \(changed)
        """
    }

    static func pause(_ name: String, by caller: String) -> SQL {
        """
        INSERT INTO jobs.queues AS queue (name, paused_at, paused_by)
        VALUES (\(name), now(), \(caller))
        ON CONFLICT (name) DO UPDATE
        SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, \(changed)
        WHERE queue.paused_at IS NULL
        """
    }

    static func resume(_ name: String) -> SQL {
        """
        UPDATE jobs.queues AS queue SET paused_at = NULL, paused_by = NULL, \(changed)
        WHERE name = \(name) AND paused_at IS NOT NULL
        """
    }

    private static let changed: SQL = "version = queue.version + 1, changed_at = now()"

    /// Counts the leases of a queue's jobs that were not in a lane when they were claimed. With claims held off.
    static func countLeases(_ name: String) -> SQL {
        """
        UPDATE jobs.leases AS lease
        SET queue = job.queue, lane = jobs.lane(job.project_id, job.concurrency_key)
        FROM jobs.jobs AS job, jobs.queues AS queue
        WHERE job.id = lease.job_id AND job.queue = \(name) AND lease.lane IS NULL
            AND queue.name = \(name) AND queue.is_gated
        """
    }

    /// Brings jobs of limited queues into lanes that stand in the open line: they came before the limit, or were stored
    /// by who did not know of it yet.
    static func fillLanes(of queues: [String], limit: Int) -> SQL {
        """
        WITH stray AS (
            SELECT ready.job_id
            FROM jobs.ready JOIN jobs.queues AS queue ON queue.name = ready.queue AND queue.is_gated
            WHERE ready.lane IS NULL AND ready.queue = ANY(\(queues))
            LIMIT \(limit)
            FOR UPDATE OF ready SKIP LOCKED
        )
        UPDATE jobs.ready
        SET lane = jobs.lane(ready.project_id, NULL)
        FROM stray
        WHERE ready.job_id = stray.job_id
        """
    }

    /// Queues and what they have, for a caller who may see one project only; one that nobody named has no limits.
    ///
    /// Jobs in line are not walked through: they are the queued ones, counted up to `place` in the log and from there on,
    /// but for those that are leased and not begun. Where nothing was counted yet, they are.
    static func list(_ name: String?, project: ProjectID?, countedUpTo place: LogPlace?, limit: Int) -> SQL {
        """
        WITH leased AS MATERIALIZED (
            SELECT job.queue, count(*) AS jobs,
                count(*) FILTER (
                    WHERE job.status = \(JobStatus.queued) AND lease.fence = job.fence AND lease.revoked_at IS NULL
                ) AS not_begun
            FROM jobs.leases AS lease JOIN jobs.jobs AS job ON job.id = lease.job_id
            WHERE (\(name)::text IS NULL OR job.queue = \(name))
                AND (\(project)::uuid IS NULL OR job.project_id = \(project))
            GROUP BY job.queue
        ), waiting AS (
            \(place.map { waiting(name, project: project, countedUpTo: $0) } ?? waiting(name, project: project))
        )
        SELECT known.name, queue.paused_at, queue.paused_by, queue.concurrency, queue.per_key_concurrency,
            queue.rate_count, queue.rate_per_ms, queue.rate_burst, queue.per_key_rate_count,
            queue.per_key_rate_per_ms, queue.per_key_rate_burst, queue.weight, coalesce(queue.fair_share, false),
            coalesce(queue.project_weights, '{}')::text::json, coalesce(queue.version, 0), queue.changed_at,
            coalesce(waiting.jobs, 0), coalesce(leased.jobs, 0)
        FROM (
            SELECT name FROM jobs.queues WHERE \(name)::text IS NULL OR name = \(name)
            UNION SELECT queue FROM waiting
            UNION SELECT queue FROM leased
        ) AS known
        LEFT JOIN jobs.queues AS queue ON queue.name = known.name
        LEFT JOIN waiting ON waiting.queue = known.name
        LEFT JOIN leased ON leased.queue = known.name
        ORDER BY known.name
        LIMIT \(limit)
        """
    }

    private static func waiting(_ name: String?, project: ProjectID?, countedUpTo place: LogPlace) -> SQL {
        """
        SELECT queue, queued.jobs - coalesce(leased.not_begun, 0) AS jobs
        FROM (
            SELECT queue, sum(count)::bigint AS jobs
            FROM (
                \(StatsStatements.counts(behind: place, project: project, queue: name, kind: nil))
            ) AS counted (queue, kind, status, count)
            WHERE status = \(JobStatus.queued)
            GROUP BY queue
        ) AS queued
        LEFT JOIN leased USING (queue)
        """
    }

    private static func waiting(_ name: String?, project: ProjectID?) -> SQL {
        """
        SELECT ready.queue, count(*) AS jobs FROM jobs.ready
        WHERE (\(name)::text IS NULL OR ready.queue = \(name))
            AND (\(project)::uuid IS NULL OR ready.project_id = \(project))
        GROUP BY ready.queue
        """
    }

    /// Forgets rates that have nothing to say any more.
    static func forgetRates(atMost limit: Int) -> SQL {
        """
        DELETE FROM jobs.rates
        WHERE (queue, lane) IN (
            SELECT queue, lane FROM jobs.rates WHERE arrives_at < now() LIMIT \(limit) FOR UPDATE SKIP LOCKED
        )
        """
    }

    /// The channel on which replicas hear of changes.
    static let channel = "martlet_queues"

    /// Tells the other replicas, after the commit, that something was changed.
    static let announce: SQL = "SELECT pg_notify(\(channel), '')"
}
