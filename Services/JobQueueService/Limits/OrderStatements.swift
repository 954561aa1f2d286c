import Contracts
import Postgres

/// Statements of jobs with an ordering key: they run one after the other, in the order in which they came.
///
/// Such a job is stored as blocked, with its place in the line of its key. Of a line the first is released, once, and
/// nothing but its end brings the next: it may wait for a retry or sleep in between. Who changes a line holds its lock.
enum OrderStatements {
    /// Gives those of the jobs in a CTE that have an ordering key their places. It is the body of a CTE itself.
    static func register(_ name: String) -> SQL {
        """
        INSERT INTO jobs.ordered (job_id, queue, lane)
        SELECT (job).id, (job).queue, jobs.lane((job).project_id, (job).ordering_key)
        FROM \(unchecked: name)
        WHERE (job).ordering_key IS NOT NULL
        ORDER BY (job).id
        """
    }

    /// Locks the lines of jobs until the transaction ends, in an order that all keep. Before any row of a job.
    static func lockLines(of jobs: [JobID]) -> SQL {
        """
        SELECT pg_advisory_xact_lock(\(lockSpace)::integer, line.number)
        FROM (
            SELECT DISTINCT hashtext(queue || '/' || lane) AS number
            FROM jobs.ordered
            WHERE job_id = ANY(\(jobs))
            ORDER BY number
        ) AS line
        """
    }

    /// Takes jobs that have ended out of their lines, and notes that the first of those lines is to be looked at.
    static func leave(_ jobs: [JobID]) -> SQL {
        """
        WITH gone AS (
            DELETE FROM jobs.ordered WHERE job_id = ANY(\(jobs)) RETURNING job_id, queue, lane
        )
        INSERT INTO jobs.dependency_checks (job_id, has_ended)
        SELECT first.job_id, false
        FROM (SELECT DISTINCT queue, lane FROM gone) AS line
        CROSS JOIN LATERAL (
            SELECT ordered.job_id
            FROM jobs.ordered
            WHERE ordered.queue = line.queue AND ordered.lane = line.lane AND ordered.job_id <> ALL(\(jobs))
            ORDER BY ordered.place
            LIMIT 1
        ) AS first
        """
    }

    /// Releases those of the jobs that are the first of their lines, unless one of the line is released already.
    static func release(_ jobs: [JobID]) -> SQL {
        """
        UPDATE jobs.ordered AS mine
        SET released = true
        WHERE mine.job_id = ANY(\(jobs)) AND NOT mine.released
            AND NOT EXISTS (
                SELECT FROM jobs.ordered AS other
                WHERE other.queue = mine.queue AND other.lane = mine.lane
                    AND (other.place < mine.place OR other.released)
            )
        """
    }

    /// Whether the turn of a job called `child` has come.
    static let isReleased: SQL = """
        EXISTS (SELECT FROM jobs.ordered WHERE ordered.job_id = child.id AND ordered.released)
        """

    /// The first key of advisory locks of lines; the second is the line's hash, and a collision only makes two wait.
    private static let lockSpace = 0x6F72_6472
}
