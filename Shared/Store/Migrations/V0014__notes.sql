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

-- Approved assets of a project are found without looking at those that are not.
ALTER TABLE agent.approvals ADD COLUMN project_id uuid;
UPDATE agent.approvals AS approval SET project_id = asset.project_id
FROM agent.assets AS asset WHERE asset.id = approval.asset_id;
ALTER TABLE agent.approvals ALTER COLUMN project_id SET NOT NULL;
CREATE INDEX approvals_project ON agent.approvals (project_id, asset_id DESC) WHERE revoked_at IS NULL;
