-- Runs: what agents do in a thread, as a sequence of recorded steps. Whoever drives a run holds its thread's lease, and
-- writes under its fence.

CREATE TABLE agent.runs (
    id uuid PRIMARY KEY,
    thread_id uuid NOT NULL,
    project_id uuid,
    -- The run that waits for this one, and the step it does so in.
    parent_id uuid,
    parent_step integer,
    depth integer NOT NULL DEFAULT 0,
    -- In whose name it acts: name, scopes, project.
    principal json NOT NULL,
    settings json NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    -- What a waiting run waits for.
    waits_for text,
    -- How many steps there are, and how many events.
    steps integer NOT NULL DEFAULT 0,
    seq integer NOT NULL DEFAULT 0,
    turns integer NOT NULL DEFAULT 0,
    tool_calls integer NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    -- In millionths of a currency's unit.
    cost bigint NOT NULL DEFAULT 0,
    -- What the model call under way may use at most.
    reserved_tokens bigint NOT NULL DEFAULT 0,
    reserved_cost bigint NOT NULL DEFAULT 0,
    is_cancelled boolean NOT NULL DEFAULT false,
    -- When somebody is to look at it; no time once it has ended.
    wake_at timestamptz,
    deadline_at timestamptz NOT NULL,
    -- How it ended.
    answer text,
    limit_reached text,
    error_code text,
    error_message text,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX runs_due ON agent.runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_thread ON agent.runs (thread_id, id);
-- Which run of a thread is next, however many it has had.
CREATE INDEX runs_open ON agent.runs (thread_id, id) WHERE ended_at IS NULL;
CREATE INDEX runs_parent ON agent.runs (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE agent.run_steps (
    run_id uuid NOT NULL,
    n integer NOT NULL,
    -- message, model or tool.
    kind text NOT NULL,
    status text NOT NULL,
    -- What it adds to the conversation.
    message json,
    -- Of a tool's call.
    call_id text,
    tool text,
    arguments json,
    effect text,
    is_untrusted boolean NOT NULL DEFAULT false,
    -- What a waiting call waits for.
    job_id uuid,
    child_id uuid,
    -- Of a model's turn: model, finish, usage, context and the like.
    detail json,
    error_code text,
    error_message text,
    -- When a failed turn may be tried again.
    retry_at timestamptz,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (run_id, n)
);
CREATE INDEX run_steps_job ON agent.run_steps (job_id) WHERE job_id IS NOT NULL AND ended_at IS NULL;

-- What somebody must allow: this call of this tool with these arguments, for so long, once.
CREATE TABLE agent.run_approvals (
    run_id uuid NOT NULL,
    step integer NOT NULL,
    call_id text NOT NULL,
    tool text NOT NULL,
    -- The SHA-256 of the arguments' canonical form.
    arguments_digest bytea NOT NULL,
    principal text NOT NULL,
    expires_at timestamptz NOT NULL,
    decision text,
    note text,
    decided_by text,
    decided_at timestamptz,
    -- When the effect was begun that it allowed.
    consumed_at timestamptz,
    PRIMARY KEY (run_id, step)
);

-- Where threads and runs belong.
CREATE VIEW agent.thread_places AS SELECT id AS thread_id, project_id FROM agent.threads;
CREATE VIEW agent.run_places AS SELECT id AS run_id, thread_id, project_id FROM agent.runs;
