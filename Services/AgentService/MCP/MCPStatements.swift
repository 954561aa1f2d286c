import Kernel
import Postgres

/// Statements over `agent.mcp_sessions`.
enum MCPStatements {
    /// Sessions that one principal may have; older ones end.
    private static let most = 1_000

    static func open(
        _ hash: [UInt8],
        principal: String,
        version: String,
        kinds: [InputRequest.Kind]
    ) -> SQL {
        """
        WITH old AS (
            DELETE FROM agent.mcp_sessions WHERE id_hash IN (
                (SELECT id_hash FROM agent.mcp_sessions WHERE principal = \(principal)
                    ORDER BY seen_at DESC OFFSET \(most - 1))
                UNION ALL
                (SELECT id_hash FROM agent.mcp_sessions WHERE seen_at < now() - interval '1 day' LIMIT 100)
            )
        )
        INSERT INTO agent.mcp_sessions (id_hash, principal, version, kinds)
        VALUES (\(hash), \(principal), \(version), \(kinds.map(\.rawValue)))
        """
    }

    /// Its revision of the protocol, what was agreed on, and whether it is time to note that it is used.
    static func find(_ hash: [UInt8], principal: String) -> SQL {
        """
        SELECT version, kinds, severity, seen_at < now() - interval '1 minute'
        FROM agent.mcp_sessions
        WHERE id_hash = \(hash) AND principal = \(principal) AND seen_at > now() - interval '1 day'
        """
    }

    static func touch(_ hash: [UInt8]) -> SQL {
        "UPDATE agent.mcp_sessions SET seen_at = now() WHERE id_hash = \(hash)"
    }

    static func set(_ severity: Severity, of hash: [UInt8]) -> SQL {
        "UPDATE agent.mcp_sessions SET severity = \(severity.rawValue) WHERE id_hash = \(hash)"
    }

    /// Adds a subscription, unless there are as many as there may be; the row says which stream tells of it.
    static func subscribe(_ hash: [UInt8], to uri: String, atMost limit: Int) -> SQL {
        """
        UPDATE agent.mcp_sessions
        SET subscriptions = array_append(array_remove(subscriptions, \(uri)), \(uri)), revision = revision + 1
        WHERE id_hash = \(hash) AND (\(uri) = ANY(subscriptions) OR cardinality(subscriptions) < \(limit))
        RETURNING listener
        """
    }

    static func unsubscribe(_ hash: [UInt8], from uri: String) -> SQL {
        """
        UPDATE agent.mcp_sessions SET subscriptions = array_remove(subscriptions, \(uri)), revision = revision + 1
        WHERE id_hash = \(hash)
        RETURNING listener
        """
    }

    /// Lets a stream tell of the subscriptions; the row says which has done so before.
    static func listen(_ hash: [UInt8], as stream: UUID) -> SQL {
        """
        UPDATE agent.mcp_sessions AS session SET listener = \(stream), revision = revision + 1
        FROM (SELECT id_hash, listener FROM agent.mcp_sessions WHERE id_hash = \(hash) FOR UPDATE) AS before
        WHERE session.id_hash = before.id_hash
        RETURNING before.listener
        """
    }

    /// What a stream is to tell of; no row when it is no longer the one.
    static func subscriptions(of stream: UUID) -> SQL {
        """
        SELECT subscriptions FROM agent.mcp_sessions
        WHERE listener = \(stream) AND seen_at > now() - interval '1 day'
        """
    }

    static func close(_ hash: [UInt8], principal: String) -> SQL {
        "DELETE FROM agent.mcp_sessions WHERE id_hash = \(hash) AND principal = \(principal)"
    }
}
