-- Calls of tools, and the sessions of those who call them.

CREATE TABLE agent.tool_calls (
    id uuid PRIMARY KEY,
    tool text NOT NULL,
    effect text NOT NULL,
    source text NOT NULL,
    principal text NOT NULL,
    project_id uuid,
    request_id text NOT NULL,
    outcome text NOT NULL,
    error_code text,
    duration_us bigint NOT NULL,
    -- In millionths of a currency's unit, where it is known.
    cost bigint,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tool_calls_age ON agent.tool_calls (at);

-- Sessions of MCP clients before 2026-07-28, so that any replica can answer them.
CREATE TABLE agent.mcp_sessions (
    -- The SHA-256 of the session's id, which only its client has.
    id_hash bytea PRIMARY KEY,
    principal text NOT NULL,
    version text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX mcp_sessions_age ON agent.mcp_sessions (seen_at);
CREATE INDEX mcp_sessions_principal ON agent.mcp_sessions (principal, seen_at);
