-- Callbacks: order within a job, an age at which trying ends, and a line for each kind of target.

ALTER TABLE notify.callbacks
    -- Which change of the job it tells of: a later one waits for an earlier one.
    ADD COLUMN seq integer,
    -- Since when it is tried; a retry by hand begins anew.
    ADD COLUMN tried_since timestamptz NOT NULL DEFAULT now();
UPDATE notify.callbacks SET seq = split_part(event_id, ':', 2)::integer, tried_since = created_at;
ALTER TABLE notify.callbacks ALTER COLUMN seq SET NOT NULL;

-- As one writes hosts, and without the user and password that a URL may have before it.
ALTER TABLE notify.callbacks DROP COLUMN host;
ALTER TABLE notify.callbacks ADD COLUMN host text
    GENERATED ALWAYS AS (lower(coalesce(substring(url from '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)'), '?'))) STORED;

-- The same events once, and in their order.
ALTER TABLE notify.callbacks DROP CONSTRAINT callbacks_event_id_target_key, ADD UNIQUE (job_id, target, seq);

-- Each row is in one of them. What waits for foreign hosts is never in the way of what the agent is to be told.
DROP INDEX notify.callbacks_due;
CREATE INDEX callbacks_due_agent ON notify.callbacks (next_at) WHERE state = 'pending' AND target = 'agent';
CREATE INDEX callbacks_due_url ON notify.callbacks (next_at) WHERE state = 'pending' AND target = 'url';

-- Each callback is written four times and then read no more: what is dead must go early, at whatever speed.
ALTER TABLE notify.callbacks SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
