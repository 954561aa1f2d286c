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

    /// How tools were used lately: calls, failures of all kinds, and the time within which 19 of 20 ended.
    static func use(within age: Duration, atMost limit: Int) -> SQL {
        """
        SELECT tool, count(*), count(*) FILTER (WHERE outcome <> 'succeeded'),
            percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_us)
        FROM (
            SELECT tool, outcome, duration_us FROM agent.tool_calls
            WHERE at > now() - \(age) ORDER BY at DESC LIMIT \(limit)
        ) AS lately
        GROUP BY tool
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
