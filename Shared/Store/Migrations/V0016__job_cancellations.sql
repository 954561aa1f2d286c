-- Jobs of cancelled runs that are to be cancelled too: rows until the job queue was told, or the job has ended by itself.

CREATE TABLE agent.job_cancellations (
    job_id uuid PRIMARY KEY,
    traceparent text,
    attempt integer NOT NULL DEFAULT 0,
    -- When the job queue is to be told, or told again.
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX job_cancellations_due ON agent.job_cancellations (due_at);
