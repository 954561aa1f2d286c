-- How many watch what. Nodes write it again by themselves, so it needs no log of its own: a crash empties it.

CREATE UNLOGGED TABLE notify.nodes (
    node_id uuid PRIMARY KEY,
    -- A node that is not heard of any more watches nothing.
    seen_until timestamptz NOT NULL
);

CREATE UNLOGGED TABLE notify.watchers (
    context text NOT NULL,
    node_id uuid NOT NULL REFERENCES notify.nodes ON DELETE CASCADE,
    watchers integer NOT NULL CHECK (watchers > 0),
    PRIMARY KEY (context, node_id)
);
CREATE INDEX watchers_of_node ON notify.watchers (node_id);
