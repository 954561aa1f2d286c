-- What people, agents and tools want remembered of a project.

CREATE TABLE agent.notes (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES agent.projects ON DELETE CASCADE,
    text text NOT NULL,
    author text NOT NULL,
    source text NOT NULL CHECK (source IN ('person', 'agent', 'tool')),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    valid_until timestamptz,
    superseded_by uuid REFERENCES agent.notes ON DELETE SET NULL,
    -- What came out of a tool is in quarantine until somebody approves it.
    approved_by text,
    approved_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (superseded_by <> id)
);
CREATE INDEX notes_project ON agent.notes (project_id, id DESC);
CREATE INDEX notes_superseded ON agent.notes (superseded_by) WHERE superseded_by IS NOT NULL;
