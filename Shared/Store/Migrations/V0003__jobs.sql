-- The job queue. A job's row holds what it is and where it stands; who may run it is in narrow tables of their own:
-- `ready` (in line), `scheduled` (waits for its time), `leases` (somebody has it). A job is in at most one of them.

CREATE SCHEMA jobs;

CREATE TABLE jobs.jobs (
    id uuid PRIMARY KEY,
    project_id uuid,
    activity_id uuid,
    card_id uuid,
    kind text NOT NULL,
    queue text NOT NULL,
    status text NOT NULL CHECK (
        status IN ('blocked', 'scheduled', 'queued', 'processing', 'completed', 'failed', 'cancelled', 'expired')
    ),
    phase text NOT NULL,
    -- The number of the last event: 1, 2, 3 … without a gap.
    seq integer NOT NULL,
    -- Grows whenever a lease begins or ends, and never falls: only who holds the current one may change the job.
    fence bigint NOT NULL DEFAULT 0,
    -- The fence of the last lease that its own worker ended, and how: a repeated verb is answered, not refused.
    ended_fence bigint,
    ended_verb text,
    -- Starts that were not given back.
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    -- Workers that died while running it.
    lease_deaths integer NOT NULL DEFAULT 0,
    priority integer NOT NULL,
    run_at timestamptz NOT NULL,
    timeout_ms bigint NOT NULL,
    deadline_at timestamptz,
    params json NOT NULL,
    metadata json NOT NULL,
    tags text[] NOT NULL,
    callback_url text,
    progress_fraction double precision,
    progress_message text,
    -- Progress events so far, and when the last one was logged: they are limited in rate.
    progress_count integer NOT NULL DEFAULT 0,
    progress_logged_at timestamptz,
    checkpoint json,
    -- What a provider must remember to go on after an interruption, such as the outside service's own id.
    provider_state json,
    result_url text,
    result json,
    error_code text,
    error_message text,
    retry_of uuid,
    -- Jobs that must have ended before this one may run, and what becomes of it when one of them does not complete.
    depends_on uuid[] NOT NULL DEFAULT '{}',
    on_parent_failure text NOT NULL DEFAULT 'fail' CHECK (on_parent_failure IN ('fail', 'skip', 'run')),
    -- Set, under the row's lock, before another job relies on hearing of this one's end.
    has_dependents boolean NOT NULL DEFAULT false,
    -- Why a snoozed or suspended job waits.
    wait_reason text,
    -- What was said to a suspended job, and under which fence: what was said before the current lease does not count.
    resume_data json,
    resume_fence bigint,
    submitted_by text NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    CHECK ((status IN ('completed', 'failed', 'cancelled', 'expired')) = (completed_at IS NOT NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 2);
CREATE INDEX jobs_card ON jobs.jobs (card_id, id DESC) WHERE card_id IS NOT NULL;
CREATE INDEX jobs_project ON jobs.jobs (project_id, id DESC) WHERE project_id IS NOT NULL;
CREATE INDEX jobs_retry_of ON jobs.jobs (retry_of) WHERE retry_of IS NOT NULL;

-- Jobs in line, served by priority, then by age.
CREATE TABLE jobs.ready (
    job_id uuid PRIMARY KEY,
    kind text NOT NULL,
    queue text NOT NULL,
    project_id uuid,
    priority integer NOT NULL,
    entered bigint GENERATED ALWAYS AS IDENTITY
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ready_line ON jobs.ready (kind, priority DESC, entered);

CREATE TABLE jobs.scheduled (
    job_id uuid PRIMARY KEY,
    run_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX scheduled_time ON jobs.scheduled (run_at);

-- Whose job owns a unique key. A claim says by itself whether it still holds, so no change of a job ever touches it:
-- uniqueness can refuse a submission, and nothing else.
CREATE TABLE jobs.unique_claims (
    -- All zeroes for jobs of no project.
    project_id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    job_id uuid NOT NULL,
    scope text NOT NULL CHECK (scope IN ('until_started', 'until_finished', 'window', 'forever')),
    expires_at timestamptz CHECK ((scope = 'window') = (expires_at IS NOT NULL)),
    PRIMARY KEY (project_id, kind, key)
);

-- VOLATILE and in PL/pgSQL for its fresh snapshot: who had to wait for another submission must see that one's job.
CREATE FUNCTION jobs.claim_holds(claim jobs.unique_claims) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN CASE claim.scope
        WHEN 'forever' THEN true
        WHEN 'window' THEN claim.expires_at > clock_timestamp()
        WHEN 'until_started' THEN EXISTS (
            SELECT FROM jobs.jobs AS job
            WHERE job.id = claim.job_id AND job.started_at IS NULL AND job.completed_at IS NULL
        )
        ELSE EXISTS (SELECT FROM jobs.jobs AS job WHERE job.id = claim.job_id AND job.completed_at IS NULL)
    END;
END
$$;

-- Deadlines to come. Apart from the jobs, so that a job's end changes no index of theirs.
CREATE TABLE jobs.deadlines (
    job_id uuid PRIMARY KEY,
    deadline_at timestamptz NOT NULL
);
CREATE INDEX deadlines_time ON jobs.deadlines (deadline_at);

-- Who waits for whom.
CREATE TABLE jobs.dependents (
    parent_id uuid NOT NULL,
    job_id uuid NOT NULL REFERENCES jobs.jobs ON DELETE CASCADE,
    PRIMARY KEY (parent_id, job_id)
);
CREATE INDEX dependents_job ON jobs.dependents (job_id);

-- Jobs to look at: blocked ones that are new, and ended ones that others wait for.
CREATE TABLE jobs.dependency_checks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    has_ended boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- Worker sessions, inside the service and outside. A session lives as long as its heartbeats; its leases with it.
CREATE TABLE jobs.workers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    kinds text[] NOT NULL,
    -- NULL: all queues.
    queues text[],
    capacity integer NOT NULL,
    -- NULL: jobs of all projects.
    project_id uuid,
    in_process boolean NOT NULL,
    draining boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE jobs.leases (
    job_id uuid PRIMARY KEY,
    fence bigint NOT NULL,
    worker_id uuid NOT NULL REFERENCES jobs.workers ON DELETE CASCADE,
    leased_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: claimed and not yet begun, so its loss costs no attempt.
    started_at timestamptz,
    times_out_at timestamptz,
    -- Set when the job got its final status from elsewhere: the worker is still to be told, and holds its slot.
    revoked_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX leases_worker ON jobs.leases (worker_id);
CREATE INDEX leases_timeout ON jobs.leases (times_out_at) WHERE times_out_at IS NOT NULL;

-- Files that jobs yielded, stored by content.
CREATE TABLE jobs.files (
    sha256 bytea NOT NULL,
    job_id uuid NOT NULL REFERENCES jobs.jobs ON DELETE CASCADE,
    media_type text NOT NULL,
    bytes bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, job_id)
);
CREATE INDEX files_job ON jobs.files (job_id);

CREATE TABLE jobs.logs (
    job_id uuid NOT NULL REFERENCES jobs.jobs ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    attempt integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    line text NOT NULL,
    PRIMARY KEY (job_id, id)
);

-- What outside services said about their work for us: the last word, or the final one.
CREATE TABLE jobs.provider_webhooks (
    provider text NOT NULL,
    external_id text NOT NULL,
    body json NOT NULL,
    is_final boolean NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, external_id)
);
CREATE INDEX provider_webhooks_age ON jobs.provider_webhooks (received_at);

CREATE FUNCTION shared.rfc3339(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The body of a job's event, as the contract fixes it.
CREATE FUNCTION jobs.status_event(job jobs.jobs) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object(
        'event_id', job.id || ':' || job.seq,
        'type', 'job.status.updated',
        'job_id', job.id,
        'seq', job.seq,
        'card_id', job.card_id,
        'activity_id', job.activity_id,
        'project_id', job.project_id,
        'queue', job.queue,
        'kind', job.kind,
        'status', job.status,
        'phase', job.phase,
        'attempt', job.attempt,
        'result_url', job.result_url,
        'error', CASE WHEN job.error_code IS NULL THEN NULL
            ELSE json_build_object('code', job.error_code, 'message', job.error_message) END,
        'timestamp', shared.rfc3339(now())
    )
$$;

CREATE FUNCTION jobs.progress_event(job jobs.jobs) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object(
        'event_id', job.id || ':' || job.seq || ':progress:' || job.progress_count,
        'type', 'job.progress.updated',
        'job_id', job.id,
        'seq', job.seq,
        'card_id', job.card_id,
        'activity_id', job.activity_id,
        'project_id', job.project_id,
        'queue', job.queue,
        'kind', job.kind,
        'status', job.status,
        'phase', job.phase,
        'attempt', job.attempt,
        'progress', json_build_object('fraction', job.progress_fraction, 'message', job.progress_message),
        'timestamp', shared.rfc3339(now())
    )
$$;

-- What other services may know of a job.
CREATE VIEW jobs.job_views AS
    SELECT id, project_id, activity_id, card_id, kind, queue, status, phase, seq, attempt, max_attempts, priority,
        progress_fraction, progress_message, result_url, result, error_code, error_message, callback_url, retry_of,
        created_at, run_at, started_at, completed_at
    FROM jobs.jobs;
