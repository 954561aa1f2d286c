import Kernel
import Postgres

/// Statements over `notify.nodes` and `notify.watchers`.
enum PresenceStatements {
    /// Whether the node was not known, as its only column.
    static func renew(_ node: UUID, _ lease: Duration) -> SQL {
        """
        INSERT INTO notify.nodes (node_id, seen_until) VALUES (\(node), now() + \(lease))
        ON CONFLICT (node_id) DO UPDATE SET seen_until = EXCLUDED.seen_until
        RETURNING xmax = 0
        """
    }

    static func forgetDead() -> SQL { "DELETE FROM notify.nodes WHERE seen_until < now()" }

    static func leave(_ node: UUID) -> SQL { "DELETE FROM notify.nodes WHERE node_id = \(node)" }

    /// Sets the counts of a node's contexts; zero takes a context out.
    static func set(_ node: UUID, _ contexts: [String], _ watchers: [Int]) -> SQL {
        """
        WITH given AS (
            SELECT context, watchers FROM unnest(\(contexts), \(watchers)) AS given (context, watchers)
        ), gone AS (
            DELETE FROM notify.watchers AS old USING given
            WHERE old.node_id = \(node) AND old.context = given.context AND given.watchers = 0
        )
        INSERT INTO notify.watchers (context, node_id, watchers)
        SELECT context, \(node), watchers::integer FROM given WHERE watchers > 0
        ON CONFLICT (context, node_id) DO UPDATE SET watchers = EXCLUDED.watchers
        """
    }

    /// How many watch on the other nodes that live.
    static func elsewhere(_ context: String, _ node: UUID) -> SQL {
        """
        SELECT coalesce(sum(watchers), 0)::bigint
        FROM notify.watchers JOIN notify.nodes USING (node_id)
        WHERE context = \(context) AND node_id <> \(node) AND seen_until >= now()
        """
    }
}
