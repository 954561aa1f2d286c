import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// The statement that stores submissions.
enum IntakeStatements {
    /// Stores jobs with their places in line and their events; returns their ids and whether each was stored. One that
    /// was not has a unique key that another job holds. A job whose Idempotency-Key is taken is left out altogether.
    static func insert(
        _ jobs: [Job],
        callers: [String],
        traceparents: [String],
        keys: [Intake.StoredKey?]
    ) -> SQL {
        """
        WITH item AS (
            SELECT *
            FROM unnest(
                \(jobs.map(\.id)), \(jobs.map(\.projectID)), \(jobs.map(\.activityID)), \(jobs.map(\.cardID)),
                \(jobs.map(\.kind)), \(jobs.map(\.queue)), \(jobs.map(\.status)), \(jobs.map(\.priority)),
                \(jobs.map(\.runAt)), \(jobs.map(\.maxAttempts)), \(jobs.map(\.timeout.milliseconds)),
                \(jobs.map(\.deadlineAt)), \(jobs.map(\.params)), \(jobs.map(\.metadata)),
                \(jobs.map { $0.tags.joined(separator: "\u{1F}") }), \(jobs.map(\.callbackURL)),
                \(jobs.map(\.retryOf)), \(jobs.map(\.createdAt)), \(callers), \(traceparents),
                \(keys.map { $0?.caller }), \(keys.map { $0?.key }), \(keys.map { $0?.requestHash }),
                \(keys.map { $0?.response }),
                \(jobs.map { $0.dependsOn.map(\.description).joined(separator: ",") }),
                \(jobs.map(\.onParentFailure.rawValue)), \(jobs.map { $0.unique?.key }),
                \(jobs.map { $0.unique?.scope.rawValue }), \(jobs.map { $0.unique?.window?.milliseconds })
            ) AS item (
                id, project_id, activity_id, card_id, kind, queue, status, priority, run_at, max_attempts, timeout_ms,
                deadline_at, params, metadata, tags, callback_url, retry_of, created_at, caller, traceparent,
                key_caller, key, request_hash, response, depends_on, on_parent_failure, unique_key, unique_scope,
                unique_window_ms
            )
        ), keyed AS (
            -- Of two equal keys in a batch the earlier job wins; the other is answered with its response.
            SELECT DISTINCT ON (key_caller, key) key_caller, key, request_hash, response, id
            FROM item
            WHERE key IS NOT NULL
            ORDER BY key_caller, key, id
        ), claimed AS (
            INSERT INTO shared.idempotency_keys (caller, key, request_hash, status, response)
            SELECT key_caller, key, request_hash, 201, response
            FROM keyed
            ON CONFLICT DO NOTHING
            RETURNING caller, key
        ), wanted AS (
            SELECT item.*
            FROM item
            WHERE item.key IS NULL OR EXISTS (
                SELECT FROM keyed JOIN claimed ON claimed.caller = keyed.key_caller AND claimed.key = keyed.key
                WHERE keyed.id = item.id
            )
        ), owned AS (
            \(UniqueStatements.claim(from: "wanted"))
        ), inserted AS (
            INSERT INTO jobs.jobs AS job (
                id, project_id, activity_id, card_id, kind, queue, status, phase, seq, priority, run_at, max_attempts,
                timeout_ms, deadline_at, params, metadata, tags, callback_url, retry_of, created_at, submitted_by,
                traceparent, depends_on, on_parent_failure
            )
            SELECT id, project_id, activity_id, card_id, kind, queue, status, \(JobPhase.waiting), 1, priority, run_at,
                max_attempts, timeout_ms, deadline_at, params, metadata,
                string_to_array(tags, \("\u{1F}")), callback_url, retry_of, created_at, wanted.caller, traceparent,
                string_to_array(depends_on, ',')::uuid[], on_parent_failure
            FROM wanted
            WHERE wanted.unique_key IS NULL OR wanted.id IN (SELECT job_id FROM owned)
            RETURNING job
        ), lined AS (
            \(JobStatements.enter("inserted"))
        ), waiting AS (
            \(JobStatements.schedule("inserted"))
        ), due AS (
            INSERT INTO jobs.deadlines (job_id, deadline_at)
            SELECT (job).id, (job).deadline_at FROM inserted WHERE (job).deadline_at IS NOT NULL
        ), dependents AS (
            \(DependencyStatements.register("inserted"))
        ), checks AS (
            \(DependencyStatements.check("inserted"))
        ), logged AS (
            \(EventLog.appendStatuses(ofJobsIn: "inserted"))
        )
        SELECT (job).id, true FROM inserted
        UNION ALL
        SELECT wanted.id, false FROM wanted
        WHERE wanted.unique_key IS NOT NULL AND wanted.id NOT IN (SELECT job_id FROM owned)
        """
    }
}
