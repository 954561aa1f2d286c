import Contracts
import Kernel
import Messaging
import Postgres

/// Statements that count jobs.
///
/// Every change of status is an event, so the counts are the sum of the events: one more of the new status, one less of
/// the one before. `jobs.counts` has what was folded so far, up to the place of the cursor `job counts`; with the events
/// behind it, read in the same snapshot, the sum is exact at any moment, however far behind the folding is.
enum StatsStatements {
    /// The cursor's name, and that of the lease of who moves it.
    static let cursor = "job counts"

    /// Up to where events are folded. No row: nothing was counted yet.
    static let place: SQL = """
        SELECT place.transaction_id, place.row_id
        FROM shared.cursors AS place CROSS JOIN jobs.count_base
        WHERE place.name = \(cursor)
        """

    /// The counts as they are now, of all projects or of one, given the place that the same snapshot shows. The place is a
    /// parameter so that the planner sees how little lies behind it, however long the log is.
    static func counts(behind place: LogPlace, project: ProjectID?, queue: String?, kind: String?) -> SQL {
        """
        WITH place AS MATERIALIZED (
            SELECT snapshot FROM jobs.count_base LIMIT 1
        ), page AS MATERIALIZED (
            SELECT transaction_id, type, subject, seq, project_id, at, body
            FROM shared.events
            WHERE (transaction_id, id) > (\(place.transaction), \(place.row))
                AND (\(project)::uuid IS NULL OR project_id = \(project))
        ), \(changes), counted AS (
            SELECT queue, kind, status, count FROM jobs.counts
            WHERE project_id = coalesce(\(project)::uuid, \(allProjects))
            UNION ALL
            SELECT queue, kind, status, change FROM change WHERE status IS NOT NULL
        )
        SELECT queue, kind, status, sum(count)::bigint
        FROM counted
        WHERE (\(queue)::text IS NULL OR queue = \(queue)) AND (\(kind)::text IS NULL OR kind = \(kind))
        GROUP BY queue, kind, status
        HAVING sum(count) <> 0
        ORDER BY queue, kind, status
        """
    }

    /// One row when the counts were begun.
    static let base: SQL = "SELECT counted_at FROM jobs.count_base"

    /// Below it every transaction of ours has ended. Asked in a statement of its own: the next one sees them all.
    static let horizon: SQL = "SELECT shared.settled_horizon()"

    /// Adds the events between a place and a horizon to the counts; returns how many there were, the last one's place,
    /// and how many have a predecessor that nobody remembers.
    static func fold(after place: LogPlace, below horizon: TransactionID, atMost limit: Int) -> SQL {
        """
        WITH place AS MATERIALIZED (
            SELECT snapshot FROM jobs.count_base LIMIT 1
        ), page AS MATERIALIZED (
            SELECT transaction_id, id, type, subject, seq, project_id, at, body
            FROM shared.events
            WHERE (transaction_id, id) > (\(place.transaction), \(place.row)) AND transaction_id < \(horizon)
            ORDER BY transaction_id, id
            LIMIT \(limit)
        ), \(changes), begun AS (
            INSERT INTO jobs.starts AS start (kind, minute, count)
            SELECT kind, date_trunc('minute', at), count(*)
            FROM event
            WHERE status = \(JobStatus.processing) AND at > now() - interval '1 hour'
            GROUP BY 1, 2
            ORDER BY 1, 2
            ON CONFLICT (kind, minute) DO UPDATE SET count = start.count + EXCLUDED.count
        ), folded AS (
            \(add("change"))
        ), last AS (
            SELECT transaction_id, id FROM page ORDER BY transaction_id DESC, id DESC LIMIT 1
        )
        SELECT (SELECT count(*) FROM page), last.transaction_id, last.id,
            (SELECT count(*) FROM change WHERE status IS NULL)
        FROM last
        """
    }

    /// What the status events in a CTE `page` change, given the base's snapshot in a CTE `place`.
    private static var changes: SQL {
        """
        event AS MATERIALIZED (
            SELECT page.subject, page.seq, page.project_id, page.at, said.queue, said.kind, said.status
            FROM page CROSS JOIN place
            CROSS JOIN LATERAL json_to_record(page.body) AS said (queue text, kind text, status text)
            WHERE page.type = \(unchecked: "'\(EventType.jobStatusUpdated.rawValue)'")
                AND NOT pg_visible_in_snapshot(page.transaction_id, place.snapshot)
        ), change AS (
            SELECT project_id, queue, kind, status, 1 AS change FROM event
            UNION ALL
            SELECT project_id, queue, kind, \(statusBefore), -1 FROM event WHERE seq > 1
        )
        """
    }

    /// The status before an event. Most can have had one only; the others are looked up.
    private static var statusBefore: SQL {
        let certain: [SQL] = JobStatus.allCases.compactMap { status in
            let before = JobStatus.allCases.filter { $0.successors.contains(status) }
            return before.count == 1 ? "WHEN \(status) THEN \(before[0])" : nil
        }
        return """
            CASE event.status
                \(SQL(joining: certain, by: " "))
                ELSE coalesce(
                    (
                        SELECT before.body ->> 'status'
                        FROM shared.events AS before
                        WHERE before.subject = event.subject AND before.seq = event.seq - 1
                            AND before.type = \(unchecked: "'\(EventType.jobStatusUpdated.rawValue)'")
                        LIMIT 1
                    ),
                    (
                        SELECT carried.status FROM jobs.carried_statuses AS carried
                        WHERE carried.job_id = event.subject AND carried.seq = event.seq - 1
                    )
                )
            END
            """
    }

    /// Adds the column `change` of a CTE to the counts, for its project and for all. It is the body of a CTE itself.
    /// Everybody adds in the same order, so that no two wait for each other.
    static func add(_ name: String) -> SQL {
        """
        INSERT INTO jobs.counts AS counted (project_id, queue, kind, status, count)
        SELECT CASE WHEN grouping(project_id) = 1 THEN \(allProjects) ELSE project_id END AS project,
            queue, kind, status, sum(change)
        FROM \(unchecked: name)
        WHERE status IS NOT NULL
        GROUP BY GROUPING SETS ((queue, kind, status), (project_id, queue, kind, status))
        HAVING sum(change) <> 0 AND (grouping(project_id) = 1 OR project_id IS NOT NULL)
        ORDER BY project, queue, kind, status
        ON CONFLICT (project_id, queue, kind, status) DO UPDATE SET count = counted.count + EXCLUDED.count
        """
    }

    // MARK: Beginning anew

    /// Counting a long history takes a while.
    static let allowLong: SQL = "SELECT set_config('statement_timeout', '900000', true)"

    /// Waits for those who delete jobs, and keeps others from it. Neither this nor what is read under it takes a
    /// transaction id, so the readers of the log go on however long it lasts.
    static let lockCounts: SQL = "LOCK TABLE jobs.counts IN SHARE ROW EXCLUSIVE MODE"

    /// To be said by who deletes jobs, before its first change.
    static let announceDeletion: SQL = "LOCK TABLE jobs.counts IN ROW EXCLUSIVE MODE"

    /// All jobs, counted, each row with the snapshot that showed them, and the place behind which the others are.
    static let present: SQL = """
        SELECT snapshot.now::text, pg_snapshot_xmin(snapshot.now), present.*
        FROM (SELECT pg_current_snapshot() AS now) AS snapshot
        LEFT JOIN (
            SELECT project_id, queue, kind, status, count(*) FROM jobs.jobs GROUP BY project_id, queue, kind, status
        ) AS present ON true
        """

    static let clear: SQL = "DELETE FROM jobs.counts"

    /// Begins with these counts of the jobs that a snapshot showed.
    static func begin(_ counts: [PresentJobs], snapshot: String) -> SQL {
        """
        WITH base AS (
            INSERT INTO jobs.count_base (snapshot) VALUES (\(snapshot)::pg_snapshot)
            ON CONFLICT (only_row) DO UPDATE SET snapshot = EXCLUDED.snapshot, counted_at = now()
        ), present AS (
            SELECT *
            FROM unnest(
                \(counts.map(\.project)), \(counts.map(\.queue)), \(counts.map(\.kind)), \(counts.map(\.status)),
                \(counts.map(\.count))
            ) AS present (project_id, queue, kind, status, change)
        )
        \(add("present"))
        """
    }

    /// A row of `present`.
    struct PresentJobs: Sendable {
        let project: ProjectID?
        let queue: String
        let kind: String
        let status: String
        let count: Int
    }

    // MARK: Keeping

    /// Writes down the statuses of jobs that are old and have not ended, before the log forgets their last events.
    static func carry(olderThan bound: UUID) -> SQL {
        """
        INSERT INTO jobs.carried_statuses (job_id, seq, status)
        SELECT job.id, job.seq, job.status
        FROM (
            SELECT job_id FROM jobs.ready WHERE job_id < \(bound)
            UNION SELECT job_id FROM jobs.scheduled WHERE job_id < \(bound)
            UNION SELECT job_id FROM jobs.leases WHERE job_id < \(bound)
            UNION SELECT job_id FROM jobs.dependents WHERE job_id < \(bound)
        ) AS place
        JOIN jobs.jobs AS job ON job.id = place.job_id
        WHERE job.completed_at IS NULL
        ON CONFLICT DO NOTHING
        """
    }

    /// Forgets statuses of jobs that ended long ago.
    static let dropCarried: SQL = """
        DELETE FROM jobs.carried_statuses AS carried
        WHERE NOT EXISTS (
            SELECT FROM jobs.jobs AS job
            WHERE job.id = carried.job_id AND (job.completed_at IS NULL OR job.completed_at > now() - interval '1 day')
        )
        """

    static let dropStarts: SQL = "DELETE FROM jobs.starts WHERE minute < now() - interval '1 hour'"

    static let dropZeroes: SQL = "DELETE FROM jobs.counts WHERE count = 0"

    private static let allProjects: SQL = "'00000000-0000-0000-0000-000000000000'::uuid"
}
