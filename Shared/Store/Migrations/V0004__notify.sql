-- What the notification service must not forget: callbacks under way, and tickets that were not used.

CREATE SCHEMA notify;

CREATE TABLE notify.callbacks (
    id uuid PRIMARY KEY,
    event_id text NOT NULL,
    job_id uuid NOT NULL,
    project_id uuid,
    target text NOT NULL CHECK (target IN ('agent', 'url')),
    url text NOT NULL,
    -- Where it goes, for limits per host and for people; the rest of the URL may hold a secret.
    host text GENERATED ALWAYS AS (coalesce(substring(url from '^[A-Za-z]+://([^/?#]+)'), '')) STORED,
    body json NOT NULL,
    traceparent text,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempt integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    UNIQUE (event_id, target)
);
CREATE INDEX callbacks_due ON notify.callbacks (next_at) WHERE state = 'pending';
CREATE INDEX callbacks_dead ON notify.callbacks (id) WHERE state = 'dead';

CREATE TABLE notify.tickets (
    token_hash bytea PRIMARY KEY,
    principal json NOT NULL,
    expires_at timestamptz NOT NULL
);
