import Contracts
import JSON
import Kernel
import Postgres

/// Statements over `agent.runs`. A driver writes after `hold`, in the same transaction.
enum RunStatements {
    /// What a new run is made of.
    struct Draft: Sendable {
        let id: RunID
        let thread: ThreadID
        var project: ProjectID?
        var parent: RunID?
        var parentStep: Int?
        var depth = 0
        let principal: RawJSON
        let settings: RunSettings
        let message: RawJSON
        let trace: String
    }

    /// Makes a run with its first step, the message. Both, and the event, are one statement.
    static func insert(_ draft: Draft) -> SQL {
        """
        WITH run AS (
            INSERT INTO agent.runs (
                id, thread_id, project_id, parent_id, parent_step, depth, principal, settings, steps, wake_at,
                deadline_at, traceparent
            )
            VALUES (
                \(draft.id), \(draft.thread), \(draft.project), \(draft.parent), \(draft.parentStep), \(draft.depth),
                \(draft.principal), \(RawJSON(JSONWriter.bytes { $0.value(draft.settings) })), 1, now(),
                now() + \(draft.settings.limits.wallTime), \(draft.trace)
            )
            RETURNING *
        ), step AS (
            INSERT INTO agent.run_steps (run_id, n, kind, status, message, ended_at)
            SELECT run.id, 1, 'message', 'done', \(draft.message), now() FROM run
            RETURNING *
        ), logged AS (
            \(RunEventStatements.log("queued", from: "run LEFT JOIN step ON true"))
        )
        SELECT \(Run.columns) FROM run
        """
    }

    /// Gives the leases of threads whose oldest open run is due, and with them the runs.
    static func claim(atMost limit: Int, for term: Duration) -> SQL {
        """
        WITH due AS MATERIALIZED (
            SELECT run.id, run.thread_id
            FROM agent.runs AS run JOIN agent.threads AS thread ON thread.id = run.thread_id
            WHERE run.wake_at <= clock_timestamp()
                AND (thread.leased_by IS NULL OR thread.leased_until <= clock_timestamp())
                AND NOT EXISTS (
                    SELECT FROM agent.runs AS earlier
                    WHERE earlier.thread_id = run.thread_id AND earlier.id < run.id AND earlier.ended_at IS NULL
                )
            ORDER BY run.wake_at
            LIMIT \(limit)
            FOR NO KEY UPDATE OF run, thread SKIP LOCKED
        ), leased AS (
            UPDATE agent.threads AS thread
            SET fence = thread.fence + 1, leased_by = 'run:' || due.id, leased_until = clock_timestamp() + \(term)
            FROM due
            WHERE thread.id = due.thread_id
            RETURNING due.id, thread.fence
        )
        UPDATE agent.runs AS run
        SET status = 'running', waits_for = NULL, started_at = coalesce(run.started_at, now()),
            -- A call whose end nobody saw is taken to have used all that was set aside for it.
            input_tokens = run.input_tokens + run.reserved_tokens, cost = run.cost + run.reserved_cost,
            reserved_tokens = 0, reserved_cost = 0
        FROM leased
        WHERE run.id = leased.id
        RETURNING leased.fence, \(Run.columns)
        """
    }

    /// Locks a run for the driver that has the lease of its thread under this fence; no row comes back for any other.
    /// The thread is locked first, as everybody does who locks both.
    static func hold(_ lease: RunLease) -> SQL {
        """
        WITH held AS MATERIALIZED (
            SELECT id FROM agent.threads
            WHERE id = \(lease.thread) AND fence = \(lease.fence) AND leased_by = 'run:' || \(lease.run)
            FOR NO KEY UPDATE
        )
        SELECT \(Run.columns)
        FROM agent.runs AS run
        WHERE run.id = \(lease.run) AND run.thread_id = (SELECT id FROM held) AND run.ended_at IS NULL
        FOR NO KEY UPDATE
        """
    }

    static func renew(_ lease: RunLease, for term: Duration) -> SQL {
        """
        UPDATE agent.threads SET leased_until = clock_timestamp() + \(term)
        WHERE id = \(lease.thread) AND fence = \(lease.fence) AND leased_by = 'run:' || \(lease.run)
        """
    }

    static func release(_ lease: RunLease) -> SQL {
        """
        UPDATE agent.threads SET leased_by = NULL, leased_until = NULL
        WHERE id = \(lease.thread) AND fence = \(lease.fence) AND leased_by = 'run:' || \(lease.run)
        """
    }

    /// Sets aside what a call of the model may use; what a call that went on has used is not given back.
    static func reserve(_ run: RunID, tokens: Int, cost: Int) -> SQL {
        "UPDATE agent.runs SET reserved_tokens = \(tokens), reserved_cost = \(cost) WHERE id = \(run)"
    }

    /// Adds what a turn has used, and gives back what was set aside for it.
    static func charge(_ run: RunID, turns: Int, input: Int, output: Int, cost: Int) -> SQL {
        """
        UPDATE agent.runs
        SET turns = turns + \(turns), input_tokens = input_tokens + \(input), output_tokens = output_tokens + \(output),
            cost = cost + \(cost), reserved_tokens = 0, reserved_cost = 0
        WHERE id = \(run)
        """
    }

    /// Counts a call of a tool and what it cost.
    static func chargeCall(_ run: RunID, cost: Int) -> SQL {
        "UPDATE agent.runs SET tool_calls = tool_calls + 1, cost = cost + \(cost) WHERE id = \(run)"
    }

    static func wait(_ run: RunID, for wait: RunWait, until: Timestamp) -> SQL {
        """
        UPDATE agent.runs SET status = 'waiting', waits_for = \(wait.rawValue), wake_at = \(until) WHERE id = \(run)
        """
    }

    static func end(_ run: RunID, _ ending: RunEnding) -> SQL {
        let (status, answer, limit, code, message): (RunStatus, String?, RunLimit?, String?, String?) =
            switch ending {
            case .completed(let answer, let limit): (.completed, answer, limit, nil, nil)
            case .failed(let code, let message): (.failed, nil, nil, code, message)
            case .cancelled: (.cancelled, nil, nil, nil, nil)
            }
        return """
            UPDATE agent.runs
            SET status = \(status.rawValue), waits_for = NULL, wake_at = NULL, ended_at = now(), answer = \(answer),
                limit_reached = \(limit?.rawValue), error_code = \(code), error_message = \(message),
                reserved_tokens = 0, reserved_cost = 0
            WHERE id = \(run)
            """
    }

    /// Hands the run that waits for an ended one what that has used, and wakes it.
    static func wakeParent(of run: RunID) -> SQL {
        """
        UPDATE agent.runs AS parent
        SET input_tokens = parent.input_tokens + child.input_tokens,
            output_tokens = parent.output_tokens + child.output_tokens,
            cost = parent.cost + child.cost,
            wake_at = CASE WHEN parent.ended_at IS NULL THEN now() END
        FROM agent.runs AS child
        WHERE child.id = \(run) AND parent.id = child.parent_id
        """
    }

    /// Wakes the runs that wait for jobs.
    static func wake(forJobs jobs: [JobID]) -> SQL {
        """
        UPDATE agent.runs SET wake_at = now()
        WHERE ended_at IS NULL
            AND id IN (SELECT run_id FROM agent.run_steps WHERE job_id = ANY(\(jobs)) AND ended_at IS NULL)
        """
    }

    static func wake(_ run: RunID) -> SQL {
        "UPDATE agent.runs SET wake_at = now() WHERE id = \(run) AND ended_at IS NULL"
    }

    /// Wishes the end of a run and of all that it started.
    static func cancel(_ run: RunID) -> SQL {
        """
        WITH RECURSIVE family AS (
            SELECT id FROM agent.runs WHERE id = \(run)
            UNION ALL
            SELECT child.id FROM agent.runs AS child JOIN family ON child.parent_id = family.id
        )
        UPDATE agent.runs SET is_cancelled = true, wake_at = now()
        WHERE id IN (SELECT id FROM family) AND ended_at IS NULL
        """
    }

    /// Wishes the end of what an ended run has started: nobody waits for that any more.
    static func cancelChildren(of run: RunID) -> SQL {
        "UPDATE agent.runs SET is_cancelled = true, wake_at = now() WHERE parent_id = \(run) AND ended_at IS NULL"
    }

    static func find(_ id: RunID, limit: ProjectID?) -> SQL {
        """
        SELECT \(Run.columns) FROM agent.runs AS run
        WHERE id = \(id) AND (\(limit)::uuid IS NULL OR project_id = \(limit))
        """
    }

    /// A row if it has not ended.
    static func isOpen(_ id: RunID) -> SQL { "SELECT FROM agent.runs WHERE id = \(id) AND ended_at IS NULL" }

    static func lock(_ id: RunID, limit: ProjectID?) -> SQL { "\(find(id, limit: limit)) FOR NO KEY UPDATE" }

    static func list(
        thread: ThreadID?,
        status: String?,
        limit project: ProjectID?,
        before: UUID?,
        atMost limit: Int
    ) -> SQL {
        """
        SELECT \(Run.columns) FROM agent.runs AS run
        WHERE (\(thread)::uuid IS NULL OR thread_id = \(thread)) AND (\(status)::text IS NULL OR status = \(status))
            AND (\(project)::uuid IS NULL OR project_id = \(project)) AND (\(before)::uuid IS NULL OR id < \(before))
        ORDER BY id DESC
        LIMIT \(limit)
        """
    }

    /// Open runs of a thread, for those who want to add one.
    static func countOpen(_ thread: ThreadID) -> SQL {
        "SELECT count(*) FROM agent.runs WHERE thread_id = \(thread) AND ended_at IS NULL"
    }

    /// What the open children of a run may still use.
    static func promised(toChildrenOf run: RunID) -> SQL {
        """
        SELECT coalesce(sum((settings -> 'limits' ->> 'tokens')::bigint), 0)::bigint,
            coalesce(sum((settings -> 'limits' ->> 'cost_micros')::bigint), 0)::bigint
        FROM agent.runs WHERE parent_id = \(run) AND ended_at IS NULL
        """
    }

    /// Deletes the runs of threads with all they have.
    static func delete(ofThreads threads: [ThreadID]) -> SQL {
        """
        WITH run AS (
            DELETE FROM agent.runs WHERE thread_id = ANY(\(threads)) RETURNING id
        ), step AS (
            DELETE FROM agent.run_steps WHERE run_id IN (SELECT id FROM run)
        )
        DELETE FROM agent.run_approvals WHERE run_id IN (SELECT id FROM run)
        """
    }
}

/// The right to drive a run: its thread's lease.
struct RunLease: Sendable, Hashable {
    let run: RunID
    let thread: ThreadID
    let fence: Int64
}
