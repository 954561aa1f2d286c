import Kernel
import Postgres

/// Statements over `agent.tool_calls`.
enum ToolStatements {
    static func record(_ records: [ToolRecord]) -> SQL {
        """
        INSERT INTO agent.tool_calls (
            id, tool, effect, source, principal, project_id, request_id, outcome, error_code, duration_us, cost
        )
        SELECT *
        FROM unnest(
            \(records.map(\.id)), \(records.map(\.tool)), \(records.map(\.effect)), \(records.map(\.source.rawValue)),
            \(records.map(\.principal)), \(records.map(\.project)), \(records.map(\.requestID)),
            \(records.map(\.outcome.rawValue)), \(records.map(\.code)), \(records.map(\.duration.microseconds)),
            \(records.map(\.cost))
        )
        """
    }

    static func list(tool: String?, outcome: String?, before: UUID?, limit: Int) -> SQL {
        """
        SELECT id, tool, effect, source, principal, project_id, request_id, outcome, error_code, duration_us, cost, at
        FROM agent.tool_calls
        WHERE (\(tool)::text IS NULL OR tool = \(tool)) AND (\(outcome)::text IS NULL OR outcome = \(outcome))
            AND (\(before)::uuid IS NULL OR id < \(before))
        ORDER BY id DESC
        LIMIT \(limit)
        """
    }

    /// Forgets calls that are older than so long.
    static func forget(olderThan age: Duration, atMost limit: Int) -> SQL {
        """
        DELETE FROM agent.tool_calls
        WHERE id IN (
            SELECT id FROM agent.tool_calls WHERE at < now() - \(age) ORDER BY at LIMIT \(limit) FOR UPDATE SKIP LOCKED
        )
        """
    }
}
