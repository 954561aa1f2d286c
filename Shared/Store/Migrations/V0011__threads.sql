-- Threads: what agents remember, as checkpoints that name the values of their channels. A value is kept once per thread,
-- however many checkpoints and writes have it. All that belongs to a thread is changed under the lock of its row, so the
-- tables below it need no foreign keys.

CREATE TABLE agent.threads (
    id uuid PRIMARY KEY,
    project_id uuid REFERENCES agent.projects,
    -- What its user calls it.
    key text,
    title text,
    metadata json NOT NULL DEFAULT '{}',
    -- Counts the changes; each of them is the event of that number.
    version integer NOT NULL DEFAULT 1,
    checkpoints integer NOT NULL DEFAULT 0,
    -- Grows with every lease. A thread that is leased_by nobody has given its lease back.
    fence bigint NOT NULL DEFAULT 0,
    leased_by text,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX threads_key ON agent.threads (coalesce(project_id, '00000000-0000-0000-0000-000000000000'), key)
    WHERE key IS NOT NULL;
CREATE INDEX threads_project ON agent.threads (project_id, id DESC) WHERE project_id IS NOT NULL;

CREATE TABLE agent.thread_values (
    thread_id uuid NOT NULL,
    -- The first half of the SHA-256 of the value.
    digest uuid NOT NULL,
    -- JSON without white space.
    value bytea NOT NULL,
    PRIMARY KEY (thread_id, digest)
);
-- Texts are what most values are: lz4 makes them as short as the default does, and gives up on others much sooner.
DO $$ BEGIN
    ALTER TABLE agent.thread_values ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    -- A server that was built without it.
    NULL;
END $$;

CREATE TABLE agent.checkpoints (
    thread_id uuid NOT NULL,
    ns text COLLATE "C" NOT NULL,
    -- Sorts by time: the highest of a namespace is its latest.
    id uuid NOT NULL,
    parent_id uuid,
    -- The thread's version with it.
    version integer NOT NULL,
    -- Of what was asked for, so that a repeated request is known.
    digest uuid NOT NULL,
    -- What it says beside its channels.
    body json NOT NULL,
    -- Name to [version, place of the value]; a place is [the value], the number of a digest, or a list of these.
    channels json NOT NULL,
    value_digests uuid[] NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, ns, id)
);
CREATE INDEX checkpoints_run ON agent.checkpoints ((metadata ->> 'run_id')) WHERE metadata ? 'run_id';

-- What the tasks of a step have written already; may be there before the checkpoint is.
CREATE TABLE agent.checkpoint_writes (
    thread_id uuid NOT NULL,
    ns text COLLATE "C" NOT NULL,
    checkpoint_id uuid NOT NULL,
    task_id text COLLATE "C" NOT NULL,
    idx integer NOT NULL,
    task_path text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    place json NOT NULL,
    value_digests uuid[] NOT NULL,
    PRIMARY KEY (thread_id, ns, checkpoint_id, task_id, idx)
);
