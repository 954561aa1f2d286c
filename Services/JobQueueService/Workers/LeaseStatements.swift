import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// Statements that begin, carry and end leases. Each takes a batch, locks the jobs' rows in the order of their ids and
/// changes only those whose fence is the one that was sent; it returns the ids it changed.
enum LeaseStatements {
    /// Leases up to `limit` jobs of a worker's kinds and queues from the open line, where those stand that have no limits;
    /// `starting` begins them too.
    ///
    /// Returns beside each lease its priority, whether there are more jobs, which this claim kept from others while it
    /// looked, and the dependency of a job that is begun for the first time.
    ///
    /// The CTE `due` is a fence for the planner too: a bare subquery may be run again by a nested loop and lease more.
    static func claim(_ worker: Worker, from lines: OpenLines, limit: Int, starting: Bool) -> SQL {
        """
        WITH \(LineStatements.places(lines, for: WorkerFilter(worker), limit: limit, locked: true)), found AS (
            TABLE known UNION ALL TABLE rest
        ), due AS (
            SELECT job_id FROM found ORDER BY priority DESC, entered LIMIT \(limit)
        ), taken AS (
            DELETE FROM jobs.ready USING due WHERE ready.job_id = due.job_id RETURNING ready.job_id
        ), job AS (
            UPDATE jobs.jobs AS job
            SET fence = job.fence + 1\(starting ? ", \(begun)" : "" as SQL)
            FROM taken
            WHERE job.id = taken.job_id AND job.status = \(JobStatus.queued)
            RETURNING job, \(Lease.columns), job.priority, job.dependency
        ), \(starting ? begunLeases(of: worker) : leases(of: worker))
        SELECT \(Lease.columns), job.priority, (SELECT count(*) FROM found) > (SELECT count(*) FROM due),
            CASE WHEN \(starting) AND job.attempt = 1 THEN job.dependency END
        FROM job
        """
    }

    private static func leases(of worker: Worker) -> SQL {
        """
        leased AS (
            INSERT INTO jobs.leases (job_id, fence, worker_id) SELECT job.id, job.fence, \(worker.id) FROM job
        )
        """
    }

    private static func begunLeases(of worker: Worker) -> SQL {
        """
        leased AS (
            INSERT INTO jobs.leases (job_id, fence, worker_id, started_at, times_out_at)
            SELECT job.id, job.fence, \(worker.id), now(), now() + make_interval(secs => job.timeout_ms / 1000.0)
            FROM job
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "job"))
        )
        """
    }

    /// Returns, beside the leases, the dependency of those jobs that are tried for the first time.
    static func start(_ keys: [LeaseKey]) -> SQL {
        """
        WITH \(locked(keys, status: .queued)), changed AS (
            UPDATE jobs.jobs AS job
            SET \(begun)
            FROM locked
            WHERE job.id = locked.id
            RETURNING job
        ), begun AS (
            UPDATE jobs.leases AS lease
            SET started_at = now(), times_out_at = now() + make_interval(secs => (job).timeout_ms / 1000.0)
            FROM changed
            WHERE lease.job_id = (job).id AND lease.fence = (job).fence
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).id, (job).fence, CASE WHEN (job).attempt = 1 THEN (job).dependency END FROM changed
        """
    }

    static func complete(_ items: [Completion]) -> SQL {
        """
        WITH \(locked(items.map(\.key), status: .processing)), outcome AS (
            SELECT *
            FROM unnest(
                \(items.map(\.key.jobID)), \(items.map(\.resultURL)), \(items.map(\.result))
            ) AS outcome (id, result_url, result)
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET status = \(JobStatus.completed), phase = \(JobPhase.finished), seq = job.seq + 1,
                completed_at = now(), result_url = outcome.result_url, result = outcome.result,
                error_code = NULL, error_message = NULL,
                progress_fraction = CASE WHEN job.progress_fraction IS NULL THEN NULL ELSE 1 END,
                \(ended(by: .complete))
            FROM locked JOIN outcome ON outcome.id = locked.id
            WHERE job.id = locked.id
            RETURNING job
        ), \(unleased), told AS (
            \(DependencyStatements.tell("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).id, (job).ended_fence, \(DependencyStatements.isAwaited) FROM changed
        """
    }

    /// Ends a try: a later one is scheduled by exponential backoff with full jitter, and as the retry budget of what it
    /// depends on allows; or the job has failed.
    /// `keepsLease` leaves the lease, revoked, until its worker was told.
    static func fail(_ items: [Failure], _ policy: RetryPolicy, keepsLease: Bool = false) -> SQL {
        let backoff = policy.backoff
        return """
            WITH \(locked(items.map(\.key), status: .processing)), outcome AS (
                SELECT *
                FROM unnest(
                    \(items.map(\.key.jobID)), \(items.map(\.code)), \(items.map(\.message)),
                    \(items.map(\.isRetryable)), \(items.map { $0.retryAfter?.milliseconds })
                ) AS outcome (id, code, message, retryable, after_ms)
            ), judged AS (
                SELECT job.id, outcome.code, outcome.message, job.dependency,
                    outcome.retryable AND job.attempt < job.max_attempts AS again,
                    now() + make_interval(secs => greatest(
                        outcome.after_ms / 1000.0,
                        random() * least(
                            \(Double(backoff.cap.microseconds) / 1e6),
                            \(Double(backoff.initial.microseconds) / 1e6) * power(\(backoff.factor), least(job.attempt - 1, 60))
                        )
                    )) AS run_at
                FROM jobs.jobs AS job JOIN locked ON locked.id = job.id JOIN outcome ON outcome.id = job.id
            ), \(RetryBudgetStatements.space("judged", policy.budget)), changed AS (
                UPDATE jobs.jobs AS job
                SET status = CASE WHEN judged.again THEN \(JobStatus.scheduled) ELSE \(JobStatus.failed) END,
                    phase = CASE WHEN judged.again THEN \(JobPhase.retryWait) ELSE \(JobPhase.finished) END,
                    run_at = CASE WHEN judged.again THEN greatest(judged.run_at, spaced.earliest) ELSE job.run_at END,
                    wait_reason = CASE WHEN spaced.earliest > judged.run_at THEN
                        'the retries that ' || judged.dependency || ' may have are used up' END,
                    completed_at = CASE WHEN judged.again THEN NULL ELSE now() END,
                    seq = job.seq + 1, error_code = judged.code, error_message = judged.message,
                    \(ended(by: .fail))
                FROM judged LEFT JOIN spaced ON spaced.id = judged.id
                WHERE job.id = judged.id
                RETURNING job
            ), \(keepsLease ? revoked : unleased), waiting AS (
                \(JobStatements.schedule("changed"))
            ), told AS (
                \(DependencyStatements.tell("changed"))
            ), logged AS (
                \(EventLog.appendStatuses(ofJobsIn: "changed"))
            )
            SELECT (job).id, (job).ended_fence, \(DependencyStatements.isAwaited) AND (job).completed_at IS NOT NULL
            FROM changed
            """
    }

    static func snooze(_ items: [Snooze]) -> SQL {
        """
        WITH \(locked(items.map(\.key), status: .processing)), outcome AS (
            SELECT *
            FROM unnest(
                \(items.map(\.key.jobID)), \(items.map(\.delay.milliseconds)), \(items.map(\.reason)),
                \(items.map(\.checkpoint))
            ) AS outcome (id, delay_ms, reason, checkpoint)
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET status = \(JobStatus.scheduled), phase = \(JobPhase.snoozed), seq = job.seq + 1,
                attempt = job.attempt - 1, run_at = now() + make_interval(secs => outcome.delay_ms / 1000.0),
                wait_reason = outcome.reason, checkpoint = coalesce(outcome.checkpoint, job.checkpoint),
                \(ended(by: .snooze))
            FROM locked JOIN outcome ON outcome.id = locked.id
            WHERE job.id = locked.id
            RETURNING job
        ), \(unleased), waiting AS (
            \(JobStatements.schedule("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).id, (job).ended_fence FROM changed
        """
    }

    /// Sets running jobs aside, at no attempt, until somebody resumes them or the time is over. One that was resumed
    /// while its lease ran is in line again at once.
    static func suspend(_ items: [Suspension]) -> SQL {
        """
        WITH \(locked(items.map(\.key), status: .processing)), outcome AS (
            SELECT *
            FROM unnest(
                \(items.map(\.key.jobID)), \(items.map(\.limit.milliseconds)), \(items.map(\.reason)),
                \(items.map(\.checkpoint))
            ) AS outcome (id, limit_ms, reason, checkpoint)
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET status = CASE WHEN job.resume_fence = job.fence THEN \(JobStatus.queued) ELSE \(JobStatus.scheduled) END,
                phase = CASE WHEN job.resume_fence = job.fence THEN \(JobPhase.waiting) ELSE \(JobPhase.suspended) END,
                seq = job.seq + 1, attempt = job.attempt - 1,
                run_at = now() + make_interval(secs => outcome.limit_ms / 1000.0),
                resume_data = CASE WHEN job.resume_fence = job.fence THEN job.resume_data ELSE NULL END,
                wait_reason = outcome.reason, checkpoint = coalesce(outcome.checkpoint, job.checkpoint),
                \(ended(by: .suspend))
            FROM locked JOIN outcome ON outcome.id = locked.id
            WHERE job.id = locked.id
            RETURNING job
        ), \(unleased), lined AS (
            \(JobStatements.enter("changed"))
        ), waiting AS (
            \(JobStatements.schedule("changed"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "changed"))
        )
        SELECT (job).id, (job).ended_fence FROM changed
        """
    }

    /// Gives leases back. A started job is in line again without the attempt; one that was not has never left it.
    static func release(_ items: [Release]) -> SQL {
        """
        WITH \(lockedAny(items.map(\.key))), outcome AS (
            SELECT *
            FROM unnest(\(items.map(\.key.jobID)), \(items.map(\.checkpoint))) AS outcome (id, checkpoint)
        ), \(handBack(source: "locked JOIN outcome ON outcome.id = locked.id", attempt: "job.attempt - 1", deaths: "0"))
        """
    }

    static func progress(_ items: [Progress]) -> SQL {
        """
        WITH \(locked(items.map(\.key), status: .processing)), outcome AS (
            SELECT DISTINCT ON (id) *
            FROM unnest(
                \(items.map(\.key.jobID)), \(items.map(\.fraction)), \(items.map(\.message)),
                \(items.map(\.checkpoint)), \(items.map(\.providerState)), \(items.map { $0.phase?.rawValue })
            ) WITH ORDINALITY AS outcome (id, fraction, message, checkpoint, provider_state, phase, place)
            ORDER BY id, place DESC
        ), changed AS (
            UPDATE jobs.jobs AS job
            SET progress_fraction = coalesce(outcome.fraction, job.progress_fraction),
                progress_message = coalesce(outcome.message, job.progress_message),
                checkpoint = coalesce(outcome.checkpoint, job.checkpoint),
                provider_state = coalesce(outcome.provider_state, job.provider_state),
                phase = coalesce(outcome.phase, job.phase),
                progress_count = job.progress_count + locked.is_due::integer,
                progress_logged_at = CASE WHEN locked.is_due THEN now() ELSE job.progress_logged_at END
            FROM locked JOIN outcome ON outcome.id = locked.id
            WHERE job.id = locked.id
            RETURNING job, locked.is_due
        ), logged AS (
            \(EventLog.appendProgress(ofJobsIn: "changed")) WHERE is_due
        )
        SELECT (job).id, (job).fence FROM changed
        """
    }

    static func log(_ items: [LogLines]) -> SQL {
        let lines = items.flatMap { item in item.lines.map { (item.key, $0) } }
        return """
            WITH item AS (
                SELECT *
                FROM unnest(\(lines.map(\.0.jobID)), \(lines.map(\.0.fence)), \(lines.map(\.1)))
                    WITH ORDINALITY AS item (id, fence, line, place)
            ), live AS (
                SELECT job.id, job.attempt
                FROM jobs.jobs AS job
                WHERE (job.id, job.fence) IN (SELECT id, fence FROM item)
                    AND (SELECT count(*) FROM jobs.logs WHERE logs.job_id = job.id) < \(LeaseStatements.maximumLogLines)
            ), written AS (
                INSERT INTO jobs.logs (job_id, attempt, line)
                SELECT item.id, live.attempt, item.line
                FROM item JOIN live ON live.id = item.id
                ORDER BY item.place
            )
            SELECT DISTINCT job.id, job.fence
            FROM jobs.jobs AS job
            WHERE (job.id, job.fence) IN (SELECT id, fence FROM item)
            """
    }

    /// Lines of a job beyond this many are dropped.
    static let maximumLogLines = 10_000
}
