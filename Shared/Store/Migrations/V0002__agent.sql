-- Projects hold activities, activities hold cards, cards own jobs, jobs yield assets, assets get approved.

CREATE SCHEMA agent;

CREATE TABLE agent.projects (
    id uuid PRIMARY KEY,
    title text NOT NULL,
    description text,
    metadata json NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE agent.activities (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES agent.projects ON DELETE CASCADE,
    title text NOT NULL,
    description text,
    task_type text NOT NULL CHECK (task_type IN ('image', 'video', 'text', 'audio')),
    position integer NOT NULL,
    seq integer NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Deferred, because moving shifts neighbours in one statement.
    CONSTRAINT activities_position UNIQUE (project_id, position) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE agent.cards (
    id uuid PRIMARY KEY,
    activity_id uuid NOT NULL REFERENCES agent.activities ON DELETE CASCADE,
    title text NOT NULL,
    prompt text,
    params json NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'todo'
        CHECK (status IN ('todo', 'in_progress', 'review', 'approved', 'rejected', 'done')),
    position integer NOT NULL,
    seq integer NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT cards_position UNIQUE (activity_id, position) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE agent.assets (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES agent.projects ON DELETE CASCADE,
    card_id uuid REFERENCES agent.cards ON DELETE SET NULL,
    -- One job yields one asset, however often its completion is reported.
    job_id uuid NOT NULL UNIQUE,
    url text NOT NULL,
    sha256 bytea,
    bytes bigint,
    media_type text,
    seq integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX assets_project ON agent.assets (project_id, id DESC);

CREATE TABLE agent.approvals (
    id uuid PRIMARY KEY,
    asset_id uuid NOT NULL REFERENCES agent.assets ON DELETE CASCADE,
    note text,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT now(),
    revoked_by text,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX approvals_live ON agent.approvals (asset_id) WHERE revoked_at IS NULL;

-- Events that have had their effect here, by consumer.
CREATE TABLE agent.inbox (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_age ON agent.inbox (processed_at);

-- What other services may know of a card.
CREATE VIEW agent.card_places AS
    SELECT card.id AS card_id, activity.id AS activity_id, activity.project_id
    FROM agent.cards AS card JOIN agent.activities AS activity ON activity.id = card.activity_id;
