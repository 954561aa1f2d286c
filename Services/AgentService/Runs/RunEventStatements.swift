import Contracts
import JSON
import Kernel
import Postgres

/// The events of runs: each change of a run or a step is one, and so is what a model says while it says it.
enum RunEventStatements {
    /// Longer messages are not in their events; `GET /api/runs/{id}/steps` has them.
    private static let longest = 60_000

    /// Appends the next event of a run, with one of its steps.
    static func append(_ event: String, of run: RunID, step: Int? = nil) -> SQL {
        """
        WITH run AS (
            UPDATE agent.runs SET seq = seq + 1 WHERE id = \(run) RETURNING *
        )
        \(log(event, from: "run LEFT JOIN agent.run_steps AS step ON step.run_id = run.id AND step.n = \(step)"))
        """
    }

    /// An event for every row of `run` and `step`.
    static func log(_ event: String, from tables: SQL) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.runEvent.rawValue)'"), run.id || ':' || run.seq, run.id, run.seq,
            run.project_id,
            json_build_object(
                'event_id', run.id || ':' || run.seq,
                'type', \(unchecked: "'\(EventType.runEvent.rawValue)'"),
                'event', \(unchecked: "'\(event)'"),
                'run_id', run.id,
                'thread_id', run.thread_id,
                'project_id', run.project_id,
                'seq', run.seq,
                'status', run.status,
                'waits_for', run.waits_for,
                'answer', CASE WHEN octet_length(run.answer) <= \(unchecked: "\(longest)") THEN run.answer END,
                'limit_reached', run.limit_reached,
                'error_code', run.error_code,
                'error_message', run.error_message,
                'step', CASE WHEN step.n IS NOT NULL THEN json_build_object(
                    'n', step.n,
                    'kind', step.kind,
                    'status', step.status,
                    'message', CASE WHEN octet_length(step.message::text) <= \(unchecked: "\(longest)")
                        THEN step.message END,
                    'call_id', step.call_id,
                    'tool', step.tool,
                    'arguments', CASE WHEN octet_length(step.arguments::text) <= \(unchecked: "\(longest)")
                        THEN step.arguments END,
                    'untrusted', CASE WHEN step.is_untrusted THEN true END,
                    'job_id', step.job_id,
                    'child_run_id', step.child_id,
                    'error_code', step.error_code,
                    'error_message', step.error_message
                ) END,
                'timestamp', shared.rfc3339(clock_timestamp())
            ),
            run.traceparent
        FROM \(tables)
        """
    }

    /// A piece of what a model says.
    struct Delta: Sendable {
        let run: RunID
        let thread: ThreadID
        let step: Int
        /// Tells the pieces of a step apart, also when the turn was begun again by another driver.
        let number: String
        let kind: String
        let text: String
        let trace: String
    }

    /// Appends pieces of what models say. They have no number, as they add nothing to what is recorded, and go to those
    /// who watch the run or its thread: who watches a project is not told every word.
    static func append(_ deltas: [Delta]) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, body, traceparent)
        SELECT \(unchecked: "'\(EventType.runEvent.rawValue)'"), run_id || ':delta:' || number, run_id, 0,
            json_build_object(
                'event_id', run_id || ':delta:' || number,
                'type', \(unchecked: "'\(EventType.runEvent.rawValue)'"),
                'event', 'delta',
                'run_id', run_id,
                'thread_id', thread_id,
                'step', json_build_object('n', n),
                'delta', json_build_object('kind', kind, 'text', text),
                'timestamp', shared.rfc3339(clock_timestamp())
            ),
            trace
        FROM unnest(
            \(deltas.map(\.run)), \(deltas.map(\.thread)), \(deltas.map(\.step)), \(deltas.map(\.number)),
            \(deltas.map(\.kind)), \(deltas.map(\.text)), \(deltas.map(\.trace))
        ) AS delta (run_id, thread_id, n, number, kind, text, trace)
        """
    }
}
