import Contracts
import Postgres

/// Statements that lease jobs of lanes, which have limits.
///
/// A queue's slots are granted under a lock of the queue, by one claim after the other: what it counts, the leases
/// themselves, is then the truth. The lock is asked for by a statement of its own, because a statement sees only what
/// was committed before it began.
enum LaneStatements {
    /// Queues in which jobs wait that the worker may have, and how many it may have of each: the best first. Of equal
    /// ones each is the first as often as its weight says.
    ///
    /// Queues that may start none now come last, with the seconds that a rate keeps them waiting.
    static func queues(for worker: Worker, limit: Int) -> SQL {
        """
        WITH RECURSIVE \(fronts(kinds: worker.kinds, queues: worker.queues))
        SELECT front.queue, room.slots, room.wait_s
        FROM front
        LEFT JOIN jobs.queues AS queue ON queue.name = front.queue
        CROSS JOIN LATERAL jobs.queue_room(front.queue, clock_timestamp()) AS room
        WHERE queue.paused_at IS NULL
        ORDER BY room.slots > 0 DESC, front.priority DESC, -ln(1 - random()) / coalesce(queue.weight, 1)
        LIMIT \(limit)
        """
    }

    /// The CTEs that end in `front`: queues with jobs of some kinds in lanes, and the highest priority of these.
    static func fronts(kinds: [String], queues: [String]?) -> SQL {
        """
        found (kind, queue) AS (
            SELECT wanted.kind, (
                SELECT ready.queue FROM jobs.ready
                WHERE ready.kind = wanted.kind AND ready.lane IS NOT NULL
                ORDER BY ready.queue LIMIT 1
            )
            FROM unnest(\(kinds)) AS wanted (kind)
            UNION ALL
            SELECT found.kind, (
                SELECT ready.queue FROM jobs.ready
                WHERE ready.kind = found.kind AND ready.queue > found.queue AND ready.lane IS NOT NULL
                ORDER BY ready.queue LIMIT 1
            )
            FROM found
            WHERE found.queue IS NOT NULL
        ), front AS (
            SELECT found.queue, max((
                SELECT ready.priority FROM jobs.ready
                WHERE ready.kind = found.kind AND ready.queue = found.queue AND ready.lane IS NOT NULL
                ORDER BY ready.priority DESC LIMIT 1
            )) AS priority
            FROM found
            WHERE found.queue IS NOT NULL AND (\(queues)::text[] IS NULL OR found.queue = ANY(\(queues)))
            GROUP BY found.queue
        )
        """
    }

    /// Kinds of which jobs wait in lanes.
    static let kinds: SQL = """
        WITH RECURSIVE found (kind) AS (
            SELECT (SELECT ready.kind FROM jobs.ready WHERE ready.lane IS NOT NULL ORDER BY ready.kind LIMIT 1)
            UNION ALL
            SELECT (
                SELECT ready.kind FROM jobs.ready
                WHERE ready.lane IS NOT NULL AND ready.kind > found.kind
                ORDER BY ready.kind LIMIT 1
            )
            FROM found
            WHERE found.kind IS NOT NULL
        )
        SELECT found.kind FROM found WHERE found.kind IS NOT NULL
        """

    /// Waits for the queue's other claims, until the transaction ends.
    static func lock(_ queue: String) -> SQL {
        "SELECT pg_advisory_xact_lock(\(lockSpace)::integer, hashtext(\(queue)))"
    }

    /// Leases up to `limit` jobs of a locked queue: as many as its limits allow now, each key's and project's too.
    ///
    /// Returns at least one row: in its last column the seconds until a rate that stood in the way allows one more.
    ///
    /// Looked at are the first jobs of the line and the first jobs of the lanes that have room, each up to a bound: so
    /// neither a key with a million jobs nor a million keys make a claim slow, and nobody is left out for long.
    static func claim(_ worker: Worker, queue: String, limit: Int) -> SQL {
        """
        WITH RECURSIVE config AS MATERIALIZED (
            SELECT clock_timestamp() AS now, coalesce(queue.per_key_concurrency, 1) AS per_key,
                queue.per_key_rate_count AS rate_count, queue.per_key_rate_per_ms AS rate_per_ms,
                queue.per_key_rate_burst AS rate_burst, queue.rate_per_ms / 1000.0 / queue.rate_count AS interval_s,
                coalesce(queue.fair_share, false) AS fair_share, queue.project_weights AS weights
            FROM (SELECT) AS always LEFT JOIN jobs.queues AS queue ON queue.name = \(queue)
            WHERE queue.paused_at IS NULL
        ), room AS MATERIALIZED (
            SELECT least(\(limit), room.slots) AS slots, room.wait_s
            FROM config CROSS JOIN LATERAL jobs.queue_room(\(queue), config.now) AS room
        ), in_use AS MATERIALIZED (
            SELECT lane, count(*) AS slots
            FROM jobs.leases
            WHERE leases.queue = \(queue) AND lane IS NOT NULL
            GROUP BY lane
        ), \(lanes(worker, queue)), \(candidates(worker, queue)), \(fairOrder(queue)), chosen AS (
            SELECT job_id, lane, starts_s FROM lined_up ORDER BY starts_s, priority DESC, entered
            LIMIT (SELECT slots FROM room)
        ), locked AS (
            SELECT ready.job_id, ready.lane FROM jobs.ready
            WHERE ready.job_id IN (SELECT job_id FROM chosen)
            FOR UPDATE SKIP LOCKED
        ), taken AS (
            DELETE FROM jobs.ready USING locked WHERE ready.job_id = locked.job_id
            RETURNING ready.job_id, ready.lane
        ), job AS (
            UPDATE jobs.jobs AS job
            SET fence = job.fence + 1
            FROM taken
            WHERE job.id = taken.job_id AND job.status = \(JobStatus.queued)
            RETURNING \(Lease.columns), taken.lane
        ), leased AS (
            INSERT INTO jobs.leases (job_id, fence, worker_id, queue, lane)
            SELECT job.id, job.fence, \(worker.id), \(queue), job.lane FROM job
        ), \(counted(queue))
        SELECT \(Lease.columns), (
            SELECT min(wait_s) FROM (SELECT wait_s FROM room UNION ALL SELECT wait_s FROM lane_rooms) AS wait
            WHERE wait_s > 0
        )
        FROM (SELECT) AS always LEFT JOIN job ON true
        """
    }

    /// Queues whose jobs are not to be taken from the open line, where some may stand that came before the limit.
    static let gatedQueues: SQL = "SELECT queue.name FROM jobs.queues AS queue WHERE queue.is_gated"

    /// The first key of advisory locks of queues; the second is the name's hash, and a collision only makes two wait.
    private static let lockSpace = 0x7175_6575
}
