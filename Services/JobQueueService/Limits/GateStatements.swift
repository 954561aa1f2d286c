import Contracts
import Postgres

/// What limits say about a job: why it does not start now.
enum GateStatements {
    /// The limits that hold a job back now: a code, words, the job that it waits for if that is one, and the seconds
    /// after which time alone opens the gate, if it will. Of several gates all must open.
    ///
    /// ```
    ///   QUEUE_PAUSED  QUEUE_CONCURRENCY  KEY_CONCURRENCY  QUEUE_RATE  KEY_RATE     of jobs in line
    ///   ORDERING_KEY                                                             of blocked ones
    ///   RETRY_BUDGET                                                             of those that wait for a retry
    /// ```
    static func gates(of id: JobID) -> SQL {
        """
        SELECT gate.code, gate.words, gate.job_id, gate.wait_s
        FROM jobs.jobs AS job
        LEFT JOIN jobs.ready ON ready.job_id = job.id
        LEFT JOIN jobs.queues AS queue ON queue.name = job.queue
        LEFT JOIN jobs.rates AS rate ON rate.queue = job.queue AND rate.lane = ''
        LEFT JOIN jobs.rates AS key_rate ON key_rate.queue = job.queue AND key_rate.lane = ready.lane
        LEFT JOIN jobs.ordered AS place ON place.job_id = job.id
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT count(*) FROM jobs.leases WHERE leases.queue = job.queue AND leases.lane IS NOT NULL
                ) AS in_queue,
                (
                    SELECT count(*) FROM jobs.leases WHERE leases.queue = job.queue AND leases.lane = ready.lane
                ) AS of_key,
                jobs.rate_wait(
                    rate.arrives_at, now(), queue.rate_count, queue.rate_per_ms, queue.rate_burst
                ) AS queue_s,
                jobs.rate_wait(
                    key_rate.arrives_at, now(), queue.per_key_rate_count, queue.per_key_rate_per_ms,
                    queue.per_key_rate_burst
                ) AS key_s
        ) AS used
        CROSS JOIN LATERAL (
            SELECT 'QUEUE_PAUSED' AS code, 'the queue is paused by ' || queue.paused_by || ' since '
                    || shared.rfc3339(queue.paused_at) AS words,
                NULL::uuid AS job_id, NULL::double precision AS wait_s
            WHERE ready.job_id IS NOT NULL AND queue.paused_at IS NOT NULL
            UNION ALL
            SELECT 'QUEUE_CONCURRENCY', used.in_queue || ' of ' || queue.concurrency || ' jobs of the queue are running',
                NULL, NULL
            WHERE ready.job_id IS NOT NULL AND used.in_queue >= queue.concurrency
            UNION ALL
            SELECT 'KEY_CONCURRENCY',
                used.of_key || ' of ' || coalesce(queue.per_key_concurrency, 1) || ' jobs of its concurrency key are running',
                NULL, NULL
            WHERE job.concurrency_key IS NOT NULL AND ready.job_id IS NOT NULL
                AND used.of_key >= coalesce(queue.per_key_concurrency, 1)
            UNION ALL
            SELECT 'QUEUE_RATE',
                'the queue starts ' || queue.rate_count || ' jobs in ' || queue.rate_per_ms || ' ms', NULL, used.queue_s
            WHERE ready.job_id IS NOT NULL AND used.queue_s > 0
            UNION ALL
            SELECT 'KEY_RATE', 'the queue starts ' || queue.per_key_rate_count || ' jobs of a key in '
                    || queue.per_key_rate_per_ms || ' ms', NULL, used.key_s
            WHERE job.concurrency_key IS NOT NULL AND ready.job_id IS NOT NULL AND used.key_s > 0
            UNION ALL
            SELECT 'ORDERING_KEY', 'an earlier job of its ordering key has not ended', (
                SELECT earlier.job_id FROM jobs.ordered AS earlier
                WHERE earlier.queue = place.queue AND earlier.lane = place.lane AND earlier.place < place.place
                ORDER BY earlier.place DESC LIMIT 1
            ), NULL
            WHERE job.status = \(JobStatus.blocked) AND NOT place.released
            UNION ALL
            SELECT 'RETRY_BUDGET', job.wait_reason, NULL, extract(epoch FROM job.run_at - now())::double precision
            WHERE job.status = \(JobStatus.scheduled) AND job.phase = \(JobPhase.retryWait) AND job.wait_reason IS NOT NULL
        ) AS gate
        WHERE job.id = \(id)
        """
    }
}
