import Kernel
import Postgres

/// Statements over `agent.mcp_sessions`.
enum MCPStatements {
    /// Sessions that one principal may have; older ones end.
    private static let most = 1_000

    static func open(_ hash: [UInt8], principal: String, version: String) -> SQL {
        """
        WITH old AS (
            DELETE FROM agent.mcp_sessions WHERE id_hash IN (
                (SELECT id_hash FROM agent.mcp_sessions WHERE principal = \(principal)
                    ORDER BY seen_at DESC OFFSET \(most - 1))
                UNION ALL
                (SELECT id_hash FROM agent.mcp_sessions WHERE seen_at < now() - interval '1 day' LIMIT 100)
            )
        )
        INSERT INTO agent.mcp_sessions (id_hash, principal, version) VALUES (\(hash), \(principal), \(version))
        """
    }

    /// Its revision, and whether it is time to note that it is used.
    static func find(_ hash: [UInt8], principal: String) -> SQL {
        """
        SELECT version, seen_at < now() - interval '1 minute'
        FROM agent.mcp_sessions
        WHERE id_hash = \(hash) AND principal = \(principal) AND seen_at > now() - interval '1 day'
        """
    }

    static func touch(_ hash: [UInt8]) -> SQL {
        "UPDATE agent.mcp_sessions SET seen_at = now() WHERE id_hash = \(hash)"
    }

    static func close(_ hash: [UInt8], principal: String) -> SQL {
        "DELETE FROM agent.mcp_sessions WHERE id_hash = \(hash) AND principal = \(principal)"
    }
}
