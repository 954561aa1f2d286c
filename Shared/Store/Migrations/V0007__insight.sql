-- How many jobs there are, how fast they are begun, and how long they are kept once they have ended.

-- Counts of jobs, folded from the event log: what they say is exact together with the events behind their place in the
-- log, which is the cursor `job counts`. No change of a job ever touches them.
CREATE TABLE jobs.counts (
    -- All zeroes: the jobs of all projects and of none.
    project_id uuid NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    -- Below zero for a moment when jobs are deleted whose last events are not folded yet.
    count bigint NOT NULL,
    PRIMARY KEY (project_id, queue, kind, status)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- What the counts began with: the jobs that this snapshot shows. Events of transactions that it shows are in them already.
CREATE TABLE jobs.count_base (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    snapshot pg_snapshot NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);

-- The statuses of jobs that have not changed for about as long as the log keeps events: their next event must find its
-- predecessor somewhere.
CREATE TABLE jobs.carried_statuses (
    job_id uuid NOT NULL,
    seq integer NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- Starts of jobs by the minute, for an hour: how fast a kind goes.
CREATE TABLE jobs.starts (
    kind text NOT NULL,
    minute timestamptz NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (kind, minute)
) WITH (fillfactor = 50);
CREATE INDEX starts_age ON jobs.starts (minute);

-- How long the ended jobs of a queue are kept, where it is not as the settings say. NULL: as they say. 0: for ever.
CREATE TABLE jobs.retention (
    queue text PRIMARY KEY,
    completed_ms bigint CHECK (completed_ms >= 0),
    failed_ms bigint CHECK (failed_ms >= 0),
    cancelled_ms bigint CHECK (cancelled_ms >= 0),
    expired_ms bigint CHECK (expired_ms >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A key that belongs to a job for ever, or for a time, keeps the job.
CREATE INDEX unique_claims_lasting ON jobs.unique_claims (job_id) WHERE scope IN ('window', 'forever');

-- Contents that a deleted job has yielded. The file is removed later, unless another job has yielded the same by then.
CREATE TABLE jobs.loose_files (
    sha256 bytea PRIMARY KEY,
    loose_since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX loose_files_age ON jobs.loose_files (loose_since);

-- What other services may know of an asset: whose file it is. The job is kept as long as its asset.
CREATE VIEW agent.asset_jobs AS SELECT job_id FROM agent.assets;
