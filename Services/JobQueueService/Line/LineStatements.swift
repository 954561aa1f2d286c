import Postgres

/// Statements over the open line.
enum LineStatements {
    /// The CTEs `known` and `rest` with up to `limit` places in line each: of lines with a floor, and of all others.
    static func places(_ lines: OpenLines, for filter: WorkerFilter?, limit: Int, locked: Bool = false) -> SQL {
        let condition = filter.map(fits) ?? "true"
        let lock: SQL = locked ? "FOR UPDATE OF ready SKIP LOCKED" : ""
        return """
            known AS (
                SELECT line.kind, place.job_id, place.priority, place.entered
                FROM unnest(\(lines.kinds), \(lines.priorities), \(lines.floors)) AS line (kind, priority, floor)
                CROSS JOIN LATERAL (
                    SELECT ready.job_id, ready.priority, ready.entered
                    FROM jobs.ready
                    WHERE ready.kind = line.kind AND ready.priority = line.priority AND ready.entered >= line.floor
                        AND ready.lane IS NULL AND \(condition)
                    ORDER BY ready.entered
                    LIMIT \(limit)
                    \(lock)
                ) AS place
            ), rest AS (
                SELECT line.kind, place.job_id, place.priority, place.entered
                FROM unnest(\(lines.restKinds), \(lines.restsBelow), \(lines.restsAbove)) AS line (kind, below, above)
                CROSS JOIN LATERAL (
                    SELECT ready.job_id, ready.priority, ready.entered
                    FROM jobs.ready
                    WHERE ready.kind = line.kind AND ready.priority < line.below AND ready.priority > line.above
                        AND ready.lane IS NULL AND \(condition)
                    ORDER BY ready.priority DESC, ready.entered
                    LIMIT \(limit)
                    \(lock)
                ) AS place
            )
            """
    }

    private static func fits(_ filter: WorkerFilter) -> SQL {
        let queues = filter.queues.map(Array.init)
        return """
            (\(queues)::text[] IS NULL OR ready.queue = ANY(\(queues)))
            AND (\(filter.project)::uuid IS NULL OR ready.project_id = \(filter.project))
            AND ready.queue NOT IN (\(LaneStatements.gatedQueues))
            """
    }

    /// The first job of each line, and what `LineFloors.Look` needs besides; one row at least.
    static func look(_ lines: OpenLines) -> SQL {
        """
        WITH \(places(lines, for: nil, limit: 1)), first AS (TABLE known UNION ALL TABLE rest)
        SELECT pg_current_xact_id()::text::bigint, shared.settled_horizon()::text::bigint,
            sequence.last_value - (NOT sequence.is_called)::integer, first.kind, first.priority, first.entered
        FROM jobs.ready_entered_seq AS sequence LEFT JOIN first ON true
        """
    }
}
