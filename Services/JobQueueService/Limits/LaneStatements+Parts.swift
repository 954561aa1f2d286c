import Contracts
import Postgres

/// The parts of a claim from lanes.
extension LaneStatements {
    /// `seen`: lanes that have jobs for the worker. `ahead`: the first jobs of the line, whatever their lanes.
    static func lanes(_ worker: Worker, _ queue: String) -> SQL {
        """
        lanes (kind, lane) AS (
            SELECT wanted.kind, (
                SELECT ready.lane FROM jobs.ready
                WHERE ready.kind = wanted.kind AND ready.queue = \(queue) AND ready.lane IS NOT NULL
                ORDER BY ready.lane LIMIT 1
            )
            FROM unnest(\(worker.kinds)) AS wanted (kind)
            WHERE (SELECT slots FROM room) > 0
            UNION ALL
            SELECT lanes.kind, (
                SELECT ready.lane FROM jobs.ready
                WHERE ready.kind = lanes.kind AND ready.queue = \(queue) AND ready.lane > lanes.lane
                ORDER BY ready.lane LIMIT 1
            )
            FROM lanes
            WHERE lanes.lane IS NOT NULL
        ), seen AS MATERIALIZED (
            SELECT early.kind, early.lane
            FROM (SELECT kind, lane FROM lanes LIMIT \(maximumLanes)) AS early
            WHERE early.lane IS NOT NULL
                AND (\(worker.project)::uuid IS NULL OR jobs.lane_project(early.lane) = \(worker.project)::uuid::text)
        ), ahead AS MATERIALIZED (
            SELECT front.*
            FROM unnest(\(worker.kinds)) AS wanted (kind)
            CROSS JOIN LATERAL (
                SELECT ready.job_id, ready.lane, ready.priority, ready.entered
                FROM jobs.ready
                WHERE ready.kind = wanted.kind AND ready.queue = \(queue) AND ready.lane IS NOT NULL
                    AND (\(worker.project)::uuid IS NULL OR ready.project_id = \(worker.project))
                ORDER BY ready.priority DESC, ready.entered
                LIMIT \(maximumAhead)
            ) AS front
            WHERE (SELECT slots FROM room) > 0
        )
        """
    }

    /// `fitting`: jobs that the limits of their keys allow.
    static func candidates(_ worker: Worker, _ queue: String) -> SQL {
        """
        lane_rooms AS MATERIALIZED (
            SELECT lane.lane, CASE WHEN jobs.lane_has_key(lane.lane) THEN rate.wait_s END AS wait_s,
                CASE
                    WHEN jobs.lane_has_key(lane.lane)
                    THEN greatest(0, least(room.slots, config.per_key - coalesce(in_use.slots, 0), rate.slots))
                    ELSE room.slots
                END AS slots
            FROM (SELECT lane FROM seen UNION SELECT lane FROM ahead) AS lane
            CROSS JOIN config
            CROSS JOIN room
            LEFT JOIN in_use ON in_use.lane = lane.lane
            LEFT JOIN jobs.rates ON rates.queue = \(queue) AND rates.lane = lane.lane
            CROSS JOIN LATERAL (
                SELECT jobs.rate_room(
                        rates.arrives_at, config.now, config.rate_count, config.rate_per_ms, config.rate_burst
                    ) AS slots,
                    jobs.rate_wait(
                        rates.arrives_at, config.now, config.rate_count, config.rate_per_ms, config.rate_burst
                    ) AS wait_s
            ) AS rate
        ), fitting AS (
            SELECT placed.*
            FROM (
                SELECT candidate.*, row_number() OVER (PARTITION BY lane ORDER BY priority DESC, entered) AS place
                FROM (
                    SELECT * FROM ahead
                    UNION
                    SELECT front.*
                    FROM seen
                    JOIN lane_rooms ON lane_rooms.lane = seen.lane AND lane_rooms.slots > 0
                    CROSS JOIN LATERAL (
                        SELECT ready.job_id, ready.lane, ready.priority, ready.entered
                        FROM jobs.ready
                        WHERE ready.kind = seen.kind AND ready.queue = \(queue) AND ready.lane = seen.lane
                        ORDER BY ready.priority DESC, ready.entered
                        LIMIT lane_rooms.slots
                    ) AS front
                ) AS candidate
            ) AS placed
            JOIN lane_rooms ON lane_rooms.lane = placed.lane
            WHERE placed.place <= lane_rooms.slots
        )
        """
    }

    /// `lined_up`: the same jobs with the virtual times at which they would start; all zero unless the queue is shared.
    ///
    /// Start-time fair queueing. A project's time is what it has used, in seconds of workers divided by its weight,
    /// and what its running jobs have used or will likely use; it is never behind the queue's clock.
    static func fairOrder(_ queue: String) -> SQL {
        """
        folded AS (
            DELETE FROM jobs.used_time
            WHERE used_time.id IN (
                SELECT used.id FROM jobs.used_time AS used
                WHERE used.queue = \(queue) AND (SELECT fair_share FROM config)
                ORDER BY used.id LIMIT \(maximumFolded)
            )
            RETURNING used_time.project, used_time.seconds
        ), used AS MATERIALIZED (
            SELECT project, sum(seconds) AS seconds, avg(seconds) AS mean FROM folded GROUP BY project
        ), running AS (
            SELECT jobs.lane_project(lane) AS project, now() - coalesce(started_at, leased_at) AS elapsed
            FROM jobs.leases
            WHERE leases.queue = \(queue) AND lane IS NOT NULL
        ), parties AS MATERIALIZED (
            SELECT party.project, weight.weight, typical.typical_s,
                coalesce(share.virtual_s, 0) + coalesce(used.seconds, 0) / weight.weight AS virtual_s,
                (
                    SELECT coalesce(sum(greatest(extract(epoch FROM running.elapsed), typical.typical_s)), 0)
                    FROM running WHERE running.project = party.project
                ) / weight.weight AS running_s
            FROM config
            CROSS JOIN (
                SELECT jobs.lane_project(lane) AS project FROM fitting UNION SELECT project FROM used
            ) AS party
            LEFT JOIN jobs.shares AS share ON share.queue = \(queue) AND share.project = 'p' || party.project
            LEFT JOIN used ON used.project = party.project
            CROSS JOIN LATERAL (
                SELECT coalesce((config.weights ->> party.project)::double precision, 1) AS weight
            ) AS weight
            CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN used.mean IS NULL THEN coalesce(share.typical_s, 1)
                    WHEN share.project IS NULL THEN used.mean
                    ELSE share.typical_s * 0.8 + used.mean * 0.2
                END AS typical_s
            ) AS typical
            WHERE config.fair_share
        ), clock AS MATERIALIZED (
            SELECT coalesce(max(virtual_s), 0) AS virtual_s
            FROM jobs.shares WHERE shares.queue = \(queue) AND shares.project = ''
        ), lined_up AS MATERIALIZED (
            SELECT fitting.*,
                coalesce(
                    greatest(parties.virtual_s, clock.virtual_s) + parties.running_s
                        + parties.typical_s / parties.weight * (row_number() OVER (
                            PARTITION BY jobs.lane_project(fitting.lane) ORDER BY fitting.priority DESC, fitting.entered
                        ) - 1),
                    0
                ) AS starts_s
            FROM fitting
            CROSS JOIN clock
            LEFT JOIN parties ON parties.project = jobs.lane_project(fitting.lane)
        )
        """
    }

    /// Counts what was granted: rates, and the projects' shares.
    static func counted(_ queue: String) -> SQL {
        """
        rated AS (
            INSERT INTO jobs.rates (queue, lane, arrives_at)
            SELECT \(queue), granted.lane,
                greatest(config.now, rate.arrives_at) + make_interval(secs => granted.jobs * granted.interval_s)
            FROM config
            CROSS JOIN LATERAL (
                SELECT '' AS lane, count(*) AS jobs, config.interval_s FROM job
                UNION ALL
                SELECT job.lane, count(*), config.rate_per_ms / 1000.0 / config.rate_count
                FROM job WHERE jobs.lane_has_key(job.lane) GROUP BY job.lane
            ) AS granted
            LEFT JOIN jobs.rates AS rate ON rate.queue = \(queue) AND rate.lane = granted.lane
            WHERE granted.jobs > 0 AND granted.interval_s IS NOT NULL
            ON CONFLICT (queue, lane) DO UPDATE SET arrives_at = excluded.arrives_at
        ), shared AS (
            INSERT INTO jobs.shares (queue, project, virtual_s, typical_s)
            SELECT \(queue), 'p' || parties.project,
                CASE WHEN served.project IS NULL THEN parties.virtual_s
                    ELSE greatest(parties.virtual_s, clock.virtual_s) END,
                parties.typical_s
            FROM parties
            CROSS JOIN clock
            LEFT JOIN (SELECT DISTINCT jobs.lane_project(lane) AS project FROM chosen) AS served
                ON served.project = parties.project
            WHERE served.project IS NOT NULL OR parties.project IN (SELECT project FROM used)
            UNION ALL
            SELECT \(queue), '', greatest(clock.virtual_s, min(chosen.starts_s)), 0
            FROM chosen CROSS JOIN clock CROSS JOIN config
            WHERE config.fair_share
            GROUP BY clock.virtual_s
            ON CONFLICT (queue, project) DO UPDATE
            SET virtual_s = excluded.virtual_s, typical_s = excluded.typical_s
        )
        """
    }

    /// Lanes that a claim looks at, and jobs of the line; and ended leases that it counts.
    private static let maximumLanes = 1000
    private static let maximumAhead = 500
    private static let maximumFolded = 10_000
}
