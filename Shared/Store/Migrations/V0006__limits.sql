-- Limits of queues: how many jobs at once, how often, in which order, shared how. Work that nobody limits pays nothing
-- for them: it stays in the open line, `jobs.ready` rows without a lane, which the claim reads as ever. The rest has a
-- lane and is claimed queue by queue under a lock of the queue (see LimitStatements).

ALTER TABLE jobs.jobs
    -- Jobs of the same key run one after the other, in the order in which they were submitted.
    ADD COLUMN ordering_key text,
    -- Jobs of the same key run only so many at once.
    ADD COLUMN concurrency_key text,
    -- The label of what the job needs from outside: its retries are counted with others' of the label.
    ADD COLUMN dependency text;

-- What was set for a queue. A queue without a row has no limits.
CREATE TABLE jobs.queues (
    name text PRIMARY KEY,
    paused_at timestamptz,
    paused_by text,
    concurrency integer,
    per_key_concurrency integer,
    -- So many starts per so long, and so many at once after a rest.
    rate_count integer,
    rate_per_ms bigint,
    rate_burst integer,
    per_key_rate_count integer,
    per_key_rate_per_ms bigint,
    per_key_rate_burst integer,
    -- How often the queue's turn comes, beside other limited queues that the same worker serves.
    weight double precision,
    -- Whether projects share the workers' time, and in which proportion: {"<project id>": 2.5}, 1 where nothing is said.
    fair_share boolean NOT NULL DEFAULT false,
    project_weights jsonb NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- Whether its jobs must leave the open line. Limits by key concern only jobs that have a key, which are never in it.
    is_gated boolean NOT NULL GENERATED ALWAYS AS (
        paused_at IS NOT NULL OR concurrency IS NOT NULL OR rate_count IS NOT NULL OR weight IS NOT NULL OR fair_share
    ) STORED
);

-- Project and key, as one word. Jobs of one lane are served in their order.
CREATE FUNCTION jobs.lane(project_id uuid, key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT coalesce(project_id::text, '') || ':' || coalesce(key, '') $$;

CREATE FUNCTION jobs.lane_has_key(lane text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT length(lane) > strpos(lane, ':') $$;

CREATE FUNCTION jobs.lane_project(lane text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT left(lane, strpos(lane, ':') - 1) $$;

-- NULL: in the open line.
ALTER TABLE jobs.ready ADD COLUMN lane text;
DROP INDEX jobs.ready_line;
CREATE INDEX ready_line ON jobs.ready (kind, priority DESC, entered) WHERE lane IS NULL;
CREATE INDEX ready_queues ON jobs.ready (kind, queue, priority DESC, entered) WHERE lane IS NOT NULL;
CREATE INDEX ready_lanes ON jobs.ready (kind, queue, lane, priority DESC, entered) WHERE lane IS NOT NULL;

-- The slots in use are these rows, and nothing else: both columns are NULL unless the job came through a lane or its
-- queue was limited while it ran.
ALTER TABLE jobs.leases ADD COLUMN queue text, ADD COLUMN lane text;
CREATE INDEX leases_lane ON jobs.leases (queue, lane) WHERE lane IS NOT NULL;

-- Theoretical arrival times (GCRA). The lane is '' for the rate of the whole queue. One in the past says nothing.
CREATE TABLE jobs.rates (
    queue text NOT NULL,
    lane text NOT NULL,
    arrives_at timestamptz NOT NULL,
    PRIMARY KEY (queue, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- How many starts a rate allows now: `burst` of them are `interval` apart at the most, and one comes back in each. NULL
-- where there is no rate.
CREATE FUNCTION jobs.rate_room(
    arrives_at timestamptz, moment timestamptz, count integer, per_ms bigint, burst integer
) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor(
        coalesce(burst, count) - greatest(0, extract(epoch FROM arrives_at - moment)) * 1000.0 * count / per_ms + 0.000001
    )::bigint
$$;

-- How many seconds it takes until a rate allows a start; NULL where there is no rate.
CREATE FUNCTION jobs.rate_wait(
    arrives_at timestamptz, moment timestamptz, count integer, per_ms bigint, burst integer
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (greatest(0, extract(epoch FROM arrives_at - moment)) - (coalesce(burst, count) - 1) * per_ms / 1000.0 / count)
        ::double precision
$$;

-- How many jobs a queue may start now, as its slots and its rate say (a million: no limit), and how many seconds its rate
-- keeps it waiting. Exact for who holds the queue's lock; to others it is a hint.
CREATE FUNCTION jobs.queue_room(queue_name text, moment timestamptz) RETURNS TABLE (slots bigint, wait_s double precision)
LANGUAGE sql STABLE AS $$
    SELECT
        greatest(0, least(
            1000000,
            queue.concurrency - CASE WHEN queue.concurrency IS NOT NULL THEN (
                SELECT count(*) FROM jobs.leases WHERE leases.queue = queue_name AND leases.lane IS NOT NULL
            ) END,
            jobs.rate_room(rates.arrives_at, moment, queue.rate_count, queue.rate_per_ms, queue.rate_burst)
        )),
        jobs.rate_wait(rates.arrives_at, moment, queue.rate_count, queue.rate_per_ms, queue.rate_burst)
    FROM (SELECT) AS always
    LEFT JOIN jobs.queues AS queue ON queue.name = queue_name
    LEFT JOIN jobs.rates ON rates.queue = queue_name AND rates.lane = ''
$$;

-- What each project has had of a queue that is shared fairly, as virtual time: seconds of workers by weight. Projects
-- are 'p' and their id; the row of '' is the queue's own clock: who comes back after a rest begins there, and not with
-- what it did not use.
CREATE TABLE jobs.shares (
    queue text NOT NULL,
    project text NOT NULL,
    virtual_s double precision NOT NULL,
    -- How long its jobs take, learned.
    typical_s double precision NOT NULL DEFAULT 1,
    PRIMARY KEY (queue, project)
) WITH (fillfactor = 50);

-- Ended leases of such queues, until the next claim has counted them.
CREATE TABLE jobs.used_time (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    project text NOT NULL,
    seconds double precision NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX used_time_queue ON jobs.used_time (queue, id);

CREATE FUNCTION jobs.note_used_time() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs.used_time (queue, project, seconds)
    SELECT OLD.queue, jobs.lane_project(OLD.lane),
        greatest(0, extract(epoch FROM clock_timestamp() - coalesce(OLD.started_at, OLD.leased_at)))
    FROM jobs.queues AS queue
    WHERE queue.name = OLD.queue AND queue.fair_share;
    RETURN NULL;
END $$;
-- A trigger, because a lease ends in many ways and its time counts in all of them.
CREATE TRIGGER used_time AFTER DELETE ON jobs.leases
FOR EACH ROW WHEN (OLD.lane IS NOT NULL) EXECUTE FUNCTION jobs.note_used_time();

-- The jobs of an ordering key that have not ended, in their order: an identity, because only the database can say who
-- came first. One of them is `released`, and runs, waits for a retry, or sleeps; the others are blocked.
CREATE TABLE jobs.ordered (
    job_id uuid PRIMARY KEY REFERENCES jobs.jobs ON DELETE CASCADE,
    queue text NOT NULL,
    lane text NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    released boolean NOT NULL DEFAULT false
);
CREATE INDEX ordered_line ON jobs.ordered (queue, lane, place);
CREATE UNIQUE INDEX ordered_released ON jobs.ordered (queue, lane) WHERE released;

-- Retries that a dependency may have now; below zero, they are promised to those who wait.
CREATE TABLE jobs.retry_budgets (
    dependency text PRIMARY KEY,
    tokens double precision NOT NULL,
    counted_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
