-- Jobs that are submitted again and again. Whoever fires what is due holds the schedule's row meanwhile and moves its
-- `next_at` on in the transaction that stores the jobs, so each tick is fired once, however many replicas there are. Each
-- job is stored under the key `<schedule>:<tick>` in shared.idempotency_keys besides, whose primary key says the same.
CREATE TABLE jobs.schedules (
    id uuid PRIMARY KEY,
    project_id uuid,
    name text,
    -- Either of the two says when.
    cron text,
    every_ms bigint,
    timezone text NOT NULL,
    -- The body of a submission.
    job json NOT NULL,
    missed text NOT NULL CHECK (missed IN ('skip', 'run_once', 'run_all')),
    paused boolean NOT NULL,
    -- NULL: paused.
    next_at timestamptz,
    last_fired_at timestamptz,
    last_job_id uuid,
    fired_count bigint NOT NULL DEFAULT 0,
    -- Why nothing could be submitted the last time.
    last_error text,
    created_by text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((cron IS NULL) <> (every_ms IS NULL)),
    CHECK (paused = (next_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX schedules_due ON jobs.schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_project ON jobs.schedules (project_id, id DESC) WHERE project_id IS NOT NULL;
