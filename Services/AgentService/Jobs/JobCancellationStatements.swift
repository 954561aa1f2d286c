import Contracts
import Kernel
import Postgres

/// Statements over `agent.job_cancellations`.
enum JobCancellationStatements {
    /// Notes the jobs of a run that have not ended. A job that was there before it was asked for, and was joined through
    /// its `unique` key, is somebody else's; a second makes up for clocks.
    static func note(jobsOf run: RunID) -> SQL {
        """
        INSERT INTO agent.job_cancellations (job_id, traceparent)
        SELECT job.id, run.traceparent
        FROM agent.runs AS run JOIN agent.run_steps AS step ON step.run_id = run.id
            JOIN jobs.job_views AS job ON job.id = step.job_id
        WHERE run.id = \(run) AND job.completed_at IS NULL AND job.created_at > step.begun_at - interval '1 second'
        ON CONFLICT DO NOTHING
        """
    }

    /// Takes what is due for `lease`; who dies leaves it to the next when that is over. What is due for jobs that have
    /// ended by themselves is forgotten.
    static func take(atMost limit: Int, for lease: Duration) -> SQL {
        """
        WITH due AS MATERIALIZED (
            SELECT job_id FROM agent.job_cancellations
            WHERE due_at <= clock_timestamp()
            ORDER BY due_at
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        ), open AS MATERIALIZED (
            SELECT job_id FROM due JOIN jobs.job_views AS job ON job.id = due.job_id WHERE job.completed_at IS NULL
        ), forgotten AS (
            DELETE FROM agent.job_cancellations WHERE job_id IN (SELECT job_id FROM due EXCEPT SELECT job_id FROM open)
        )
        UPDATE agent.job_cancellations AS cancellation
        SET attempt = attempt + 1, due_at = clock_timestamp() + \(lease)
        FROM open
        WHERE cancellation.job_id = open.job_id
        RETURNING cancellation.job_id, attempt, traceparent
        """
    }

    static func putOff(_ job: JobID, for wait: Duration) -> SQL {
        "UPDATE agent.job_cancellations SET due_at = clock_timestamp() + \(wait) WHERE job_id = \(job)"
    }

    static func forget(_ job: JobID) -> SQL { "DELETE FROM agent.job_cancellations WHERE job_id = \(job)" }
}
