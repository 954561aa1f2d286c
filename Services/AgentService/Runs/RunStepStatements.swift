import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres

/// Statements over `agent.run_steps` and `agent.run_approvals`.
enum RunStepStatements {
    /// A run's steps after a number, in order.
    static func page(of run: RunID, after n: Int, atMost limit: Int) -> SQL {
        """
        SELECT \(RunStep.columns)
        FROM agent.run_steps AS step
            LEFT JOIN agent.run_approvals AS approval ON approval.run_id = step.run_id AND approval.step = step.n
        WHERE step.run_id = \(run) AND step.n > \(n)
        ORDER BY step.n
        LIMIT \(limit)
        """
    }

    /// What was said in a thread before a run, the last first.
    static func transcript(_ thread: ThreadID, before run: RunID?, atMost limit: Int) -> SQL {
        """
        SELECT step.message, step.is_untrusted
        FROM agent.runs AS run JOIN agent.run_steps AS step ON step.run_id = run.id
        WHERE run.thread_id = \(thread) AND (\(run)::uuid IS NULL OR run.id < \(run)) AND step.message IS NOT NULL
        ORDER BY run.id DESC, step.n DESC
        LIMIT \(limit)
        """
    }

    /// A row if something that comes from outside was read in a thread.
    static func foreign(in thread: ThreadID) -> SQL {
        """
        SELECT FROM agent.runs AS run JOIN agent.run_steps AS step ON step.run_id = run.id
        WHERE run.thread_id = \(thread) AND step.is_untrusted
        LIMIT 1
        """
    }

    /// Adds a turn of the model.
    static func addTurn(_ run: RunID, n: Int, message: ModelMessage, detail: RunTurnDetail) -> SQL {
        """
        WITH counted AS (UPDATE agent.runs SET steps = \(n) WHERE id = \(run))
        INSERT INTO agent.run_steps (run_id, n, kind, status, message, detail, begun_at, ended_at)
        VALUES (
            \(run), \(n), 'model', 'done', \(json(message)), \(json(detail)),
            clock_timestamp() - \(detail.duration), clock_timestamp()
        )
        """
    }

    /// Adds a turn in which the model did not answer.
    static func addFailedTurn(
        _ run: RunID,
        n: Int,
        code: String,
        message: String,
        retryIn pause: Duration?,
        detail: RunTurnDetail
    ) -> SQL {
        """
        WITH counted AS (UPDATE agent.runs SET steps = \(n) WHERE id = \(run))
        INSERT INTO agent.run_steps (
            run_id, n, kind, status, detail, error_code, error_message, retry_at, begun_at, ended_at
        )
        VALUES (
            \(run), \(n), 'model', 'failed', \(json(detail)), \(code), \(message), clock_timestamp() + \(pause),
            clock_timestamp() - \(detail.duration), clock_timestamp()
        )
        """
    }

    /// Adds a call that a model asks for.
    static func addCall(_ run: RunID, n: Int, _ call: ModelToolCall, effect: Tool.Effect?) -> SQL {
        """
        WITH counted AS (UPDATE agent.runs SET steps = \(n) WHERE id = \(run))
        INSERT INTO agent.run_steps (run_id, n, kind, status, call_id, tool, arguments, effect)
        VALUES (
            \(run), \(n), 'tool', 'pending', \(call.id), \(call.name), \(call.arguments), \(effect?.rawValue)
        )
        """
    }

    /// Notes that the effect of a call may happen from now on.
    static func begin(_ run: RunID, n: Int) -> SQL {
        """
        UPDATE agent.run_steps SET status = 'begun', begun_at = clock_timestamp() WHERE run_id = \(run) AND n = \(n)
        """
    }

    /// Notes that a call goes on as a job or as another run.
    static func wait(_ run: RunID, n: Int, job: JobID? = nil, child: RunID? = nil) -> SQL {
        """
        UPDATE agent.run_steps SET status = 'waiting', job_id = \(job), child_id = \(child)
        WHERE run_id = \(run) AND n = \(n)
        """
    }

    /// Ends a call with its result.
    static func finish(
        _ run: RunID,
        n: Int,
        _ result: ModelToolResult,
        isUntrusted: Bool,
        code: String?
    ) -> SQL {
        let status = (result.isError ? RunStep.Status.failed : .done).rawValue
        return """
            UPDATE agent.run_steps
            SET status = \(status), message = \(json(ModelMessage(.tool, [.toolResult(result)]))),
                is_untrusted = \(isUntrusted), error_code = \(code), ended_at = clock_timestamp()
            WHERE run_id = \(run) AND n = \(n)
            """
    }

    /// Ends the calls that a run will not wait for any more.
    static func drop(_ run: RunID) -> SQL {
        """
        UPDATE agent.run_steps SET status = 'failed', error_code = 'RUN_ENDED', ended_at = clock_timestamp()
        WHERE run_id = \(run) AND ended_at IS NULL
        """
    }

    /// How the jobs of waiting calls stand, those that have ended.
    static func endedJobs(of run: RunID) -> SQL {
        """
        SELECT step.n, step.call_id, step.tool, job.id, job.status, job.result_url, job.result, job.error_code, job.error_message
        FROM agent.run_steps AS step JOIN jobs.job_views AS job ON job.id = step.job_id
        WHERE step.run_id = \(run) AND step.status = 'waiting' AND job.completed_at IS NOT NULL
        ORDER BY step.n
        """
    }

    /// How the runs of waiting calls stand, those that have ended.
    static func endedChildren(of run: RunID) -> SQL {
        """
        SELECT step.n, step.call_id, step.tool, child.id, child.status, child.answer, child.limit_reached, child.error_code, child.error_message
        FROM agent.run_steps AS step JOIN agent.runs AS child ON child.id = step.child_id
        WHERE step.run_id = \(run) AND step.status = 'waiting' AND child.ended_at IS NOT NULL
        ORDER BY step.n
        """
    }

    /// Asks for leave to make a call.
    static func askApproval(
        _ run: RunID,
        n: Int,
        _ call: ModelToolCall,
        digest: [UInt8],
        principal: String,
        term: Duration
    ) -> SQL {
        """
        WITH asked AS (
            UPDATE agent.run_steps SET status = 'asked' WHERE run_id = \(run) AND n = \(n)
        )
        INSERT INTO agent.run_approvals (run_id, step, call_id, tool, arguments_digest, principal, expires_at)
        VALUES (
            \(run), \(n), \(call.id), \(call.name), \(digest), \(principal), now() + \(term)
        )
        """
    }

    /// Decides about a call that is waited for; no row comes back when there is none, or it was decided or has expired.
    static func decide(
        _ run: RunID,
        call: String,
        _ decision: RunApproval.Decision,
        digest: [UInt8]?,
        note: String?,
        by caller: String
    ) -> SQL {
        """
        WITH open AS (
            SELECT step FROM agent.run_approvals
            WHERE run_id = \(run) AND call_id = \(call) AND decision IS NULL AND expires_at > clock_timestamp()
                AND (\(digest)::bytea IS NULL OR arguments_digest = \(digest))
            ORDER BY step DESC
            LIMIT 1
            FOR UPDATE
        )
        UPDATE agent.run_approvals AS approval
        SET decision = \(decision.rawValue), note = \(note), decided_by = \(caller), decided_at = clock_timestamp()
        FROM open
        WHERE approval.run_id = \(run) AND approval.step = open.step
        RETURNING approval.step
        """
    }

    /// The approvals of a call, the last first.
    static func approvals(_ run: RunID, call: String) -> SQL {
        """
        SELECT \(RunApproval.columns)
        FROM agent.run_approvals AS approval
        WHERE run_id = \(run) AND call_id = \(call)
        ORDER BY step DESC
        LIMIT 1
        """
    }

    private static func json(_ value: some JSONWritable) -> RawJSON { RawJSON(JSONWriter.bytes { $0.value(value) }) }

    /// Uses an approval up; no row comes back when it is not there to be used.
    static func consume(_ run: RunID, n: Int) -> SQL {
        """
        UPDATE agent.run_approvals SET consumed_at = clock_timestamp()
        WHERE run_id = \(run) AND step = \(n) AND decision = 'approve' AND consumed_at IS NULL
        RETURNING step
        """
    }
}
