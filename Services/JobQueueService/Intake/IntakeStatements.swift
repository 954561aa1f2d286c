import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// The statement that stores submissions.
enum IntakeStatements {
    /// Stores jobs with their places in line and their events; returns their ids and whether each was stored. One that
    /// was not has a unique key that another job holds. A job whose Idempotency-Key is taken is left out altogether.
    ///
    /// Where there are no `limits` of queues, or so it seems, nothing is asked about them.
    ///
    /// It has only the parts that these jobs need: beginning and ending a part costs as much as storing a job.
    static func insert(
        _ jobs: [Job],
        callers: [String],
        traceparents: [String],
        keys: [Intake.StoredKey?],
        limits: Bool = true
    ) -> SQL {
        var columns: Columns = [
            ("id", "\(jobs.map(\.id))"), ("project_id", "\(jobs.map(\.projectID))"),
            ("activity_id", "\(jobs.map(\.activityID))"), ("card_id", "\(jobs.map(\.cardID))"),
            ("kind", "\(jobs.map(\.kind))"), ("queue", "\(jobs.map(\.queue))"), ("status", "\(jobs.map(\.status))"),
            ("priority", "\(jobs.map(\.priority))"), ("run_at", "\(jobs.map(\.runAt))"),
            ("max_attempts", "\(jobs.map(\.maxAttempts))"), ("timeout_ms", "\(jobs.map(\.timeout.milliseconds))"),
            ("deadline_at", "\(jobs.map(\.deadlineAt))"), ("params", "\(jobs.map(\.params))"),
            ("metadata", "\(jobs.map(\.metadata))"),
            ("tags", "\(jobs.map { $0.tags.joined(separator: "\u{1F}") })"),
            ("callback_url", "\(jobs.map(\.callbackURL))"), ("retry_of", "\(jobs.map(\.retryOf))"),
            ("created_at", "\(jobs.map(\.createdAt))"), ("submitted_by", "\(callers)"),
            ("traceparent", "\(traceparents)"),
        ]
        let hasUnique = jobs.contains { $0.unique != nil }
        let hasParents = jobs.contains { !$0.dependsOn.isEmpty || $0.onParentFailure != .fail }
        let hasOrder = jobs.contains { $0.orderingKey != nil }
        let hasKeys = hasOrder || jobs.contains { $0.concurrencyKey != nil || $0.dependency != nil }
        var source: SQL = "item"
        var parts: [SQL] = []
        if keys.contains(where: { $0 != nil }) {
            columns += keyColumns(keys)
            parts.append(claimKeys)
            source = "wanted"
        }
        if hasUnique {
            columns += uniqueColumns(jobs)
            parts.append("owned AS (\(UniqueStatements.claim(from: source)))")
        }
        if hasParents { columns += parentColumns(jobs) }
        if hasKeys { columns += limitColumns(jobs) }
        let more = (hasParents ? [parentValues] : []) + (hasKeys ? [limitValues] : [])
        parts.append("inserted AS (\(insertJobs(from: source, hasUnique: hasUnique, more)))")
        parts.append("lined AS (\(JobStatements.enter("inserted", limits: limits || hasKeys)))")
        if jobs.contains(where: { $0.status == .scheduled }) {
            parts.append("waiting AS (\(JobStatements.schedule("inserted")))")
        }
        if jobs.contains(where: { $0.deadlineAt != nil }) { parts.append(noteDeadlines) }
        if hasParents { parts.append("dependents AS (\(DependencyStatements.register("inserted")))") }
        if hasOrder { parts.append("ordered AS (\(OrderStatements.register("inserted")))") }
        if hasParents || hasOrder {
            parts.append("checks AS (\(DependencyStatements.check("inserted")))")
        }
        parts.append("logged AS (\(EventLog.appendStatuses(ofJobsIn: "inserted")))")
        return """
            WITH item AS (
                SELECT *
                FROM unnest(\(SQL(joining: columns.map(\.values), by: ", ")))
                    AS item (\(unchecked: columns.map(\.name).joined(separator: ", ")))
            ), \(SQL(joining: parts, by: ", "))
            SELECT (job).id, true FROM inserted
            \(hasUnique ? leftOut(of: source) : none)
            """
    }

    private static let none: SQL = ""

    /// What `unnest` makes rows of: names, and arrays of one value for each job.
    private typealias Columns = [(name: String, values: SQL)]

    private static func keyColumns(_ keys: [Intake.StoredKey?]) -> Columns {
        [
            ("key_caller", "\(keys.map { $0?.caller })"), ("key", "\(keys.map { $0?.key })"),
            ("request_hash", "\(keys.map { $0?.requestHash })"), ("response", "\(keys.map { $0?.response })"),
        ]
    }

    private static func uniqueColumns(_ jobs: [Job]) -> Columns {
        [
            ("unique_key", "\(jobs.map { $0.unique?.key })"),
            ("unique_scope", "\(jobs.map { $0.unique?.scope.rawValue })"),
            ("unique_window_ms", "\(jobs.map { $0.unique?.window?.milliseconds })"),
        ]
    }

    private static func parentColumns(_ jobs: [Job]) -> Columns {
        [
            ("depends_on", "\(jobs.map { $0.dependsOn.map(\.description).joined(separator: ",") })"),
            ("on_parent_failure", "\(jobs.map(\.onParentFailure.rawValue))"),
        ]
    }

    /// The CTEs that store the Idempotency-Keys; `wanted` are the items that have none or have claimed theirs.
    private static let claimKeys: SQL = """
        keyed AS (
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
        )
        """

    private static func limitColumns(_ jobs: [Job]) -> Columns {
        [
            ("ordering_key", "\(jobs.map(\.orderingKey))"), ("concurrency_key", "\(jobs.map(\.concurrencyKey))"),
            ("dependency", "\(jobs.map(\.dependency))"),
        ]
    }

    /// Columns of a job that few have, and what they are made of.
    private typealias Values = (names: SQL, values: SQL)

    private static let parentValues: Values = (
        ", depends_on, on_parent_failure", ", string_to_array(depends_on, ',')::uuid[], on_parent_failure"
    )

    private static let limitValues: Values = (
        ", ordering_key, concurrency_key, dependency", ", ordering_key, concurrency_key, dependency"
    )

    private static func insertJobs(from source: SQL, hasUnique: Bool, _ more: [Values]) -> SQL {
        let owned: SQL = hasUnique ? "WHERE unique_key IS NULL OR id IN (SELECT job_id FROM owned)" : none
        return """
            INSERT INTO jobs.jobs AS job (
                id, project_id, activity_id, card_id, kind, queue, status, phase, seq, priority, run_at, max_attempts,
                timeout_ms, deadline_at, params, metadata, tags, callback_url, retry_of, created_at, submitted_by,
                traceparent\(SQL(joining: more.map(\.names), by: none))
            )
            SELECT id, project_id, activity_id, card_id, kind, queue, status, \(JobPhase.waiting), 1, priority, run_at,
                max_attempts, timeout_ms, deadline_at, params, metadata,
                string_to_array(tags, \("\u{1F}")), callback_url, retry_of, created_at, submitted_by,
                traceparent\(SQL(joining: more.map(\.values), by: none))
            FROM \(source)
            \(owned)
            RETURNING job
            """
    }

    private static let noteDeadlines: SQL = """
        due AS (
            INSERT INTO jobs.deadlines (job_id, deadline_at)
            SELECT (job).id, (job).deadline_at FROM inserted WHERE (job).deadline_at IS NOT NULL
        )
        """

    private static func leftOut(of source: SQL) -> SQL {
        """
        UNION ALL
        SELECT id, false FROM \(source) AS item
        WHERE unique_key IS NOT NULL AND id NOT IN (SELECT job_id FROM owned)
        """
    }
}
