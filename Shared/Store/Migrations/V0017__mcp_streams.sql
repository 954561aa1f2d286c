-- What sessions of MCP clients before 2026-07-28 have agreed on, and the streams that answer their calls, so that any
-- replica can go on with a stream.

ALTER TABLE agent.mcp_sessions
    -- What the client can be asked for: form, page, sampling, roots.
    ADD COLUMN kinds text[] NOT NULL DEFAULT '{}',
    -- The least severity of messages that it wants.
    ADD COLUMN severity text NOT NULL DEFAULT 'info',
    -- The resources of whose changes it wants to hear, and the only stream that tells of them.
    ADD COLUMN subscriptions text[] NOT NULL DEFAULT '{}',
    ADD COLUMN listener uuid,
    -- Rises with each change of these two.
    ADD COLUMN revision integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX mcp_sessions_listener ON agent.mcp_sessions (listener) WHERE listener IS NOT NULL;

CREATE TABLE agent.mcp_streams (
    id uuid PRIMARY KEY,
    session bytea NOT NULL REFERENCES agent.mcp_sessions ON DELETE CASCADE,
    -- What the client calls the request that is answered.
    request json NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    -- When the process that answers was last heard of.
    beat_at timestamptz NOT NULL DEFAULT now(),
    -- Nothing more comes after this.
    ended_at timestamptz,
    -- Rises with each event, each answer, and at the end.
    revision integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX mcp_streams_session ON agent.mcp_streams (session, begun_at);
CREATE INDEX mcp_streams_age ON agent.mcp_streams (begun_at);

CREATE TABLE agent.mcp_events (
    stream_id uuid NOT NULL REFERENCES agent.mcp_streams ON DELETE CASCADE,
    seq integer NOT NULL,
    message json NOT NULL,
    -- Whether it asks the client something, and what the client has answered.
    is_question boolean NOT NULL,
    answer json,
    PRIMARY KEY (stream_id, seq)
);
