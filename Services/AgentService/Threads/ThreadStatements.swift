import Contracts
import JSON
import Kernel
import Postgres

/// Statements over `agent.threads`. Whoever locks several locks them by id.
enum ThreadStatements {
    /// Locks threads against every other change.
    static func lock(_ ids: [ThreadID]) -> SQL {
        """
        SELECT \(AgentThread.columns)
        FROM agent.threads AS thread WHERE id = ANY(\(ids)) ORDER BY id FOR NO KEY UPDATE
        """
    }

    static func find(_ id: ThreadID, limit: ProjectID?) -> SQL {
        "SELECT \(AgentThread.columns) FROM agent.threads AS thread WHERE id = \(id) AND \(isVisible(to: limit))"
    }

    /// The thread of a key in a project, or in none.
    static func find(key: String, in project: ProjectID?) -> SQL {
        """
        SELECT \(AgentThread.columns)
        FROM agent.threads AS thread WHERE key = \(key) AND \(zero(project)) = \(zero("project_id"))
        """
    }

    static func list(_ filter: ThreadFilter, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(AgentThread.columns)
        FROM agent.threads AS thread
        WHERE \(filter.condition) AND (\(before)::uuid IS NULL OR thread.id < \(before))
        ORDER BY thread.id DESC
        LIMIT \(limit)
        """
    }

    /// Makes a thread; no row comes back when its id or its key is taken.
    static func insert(_ draft: ThreadDraft, id: ThreadID, trace: String?) -> SQL {
        """
        WITH thread AS (
            INSERT INTO agent.threads (id, project_id, key, title, metadata)
            VALUES (\(id), \(draft.project), \(draft.key), \(draft.title), \(draft.metadata))
            ON CONFLICT DO NOTHING
            RETURNING *
        ), logged AS (
            \(log("thread", "created", trace: trace))
        )
        SELECT \(AgentThread.columns) FROM thread
        """
    }

    static func update(_ id: ThreadID, title: TextChange, metadata: RawJSON?, trace: String?) -> SQL {
        """
        WITH thread AS (
            UPDATE agent.threads
            SET title = CASE WHEN \(title.isGiven) THEN \(title.value) ELSE title END,
                metadata = coalesce(\(metadata), metadata), version = version + 1, updated_at = now()
            WHERE id = \(id)
            RETURNING *
        ), logged AS (
            \(log("thread", "updated", trace: trace))
        )
        SELECT \(AgentThread.columns) FROM thread
        """
    }

    /// Gives the lease of a locked thread, with a new fence or the one it has.
    static func lease(_ id: ThreadID, to holder: String, fence: Int64, for term: Duration) -> SQL {
        """
        UPDATE agent.threads AS thread
        SET fence = \(fence), leased_by = \(holder), leased_until = clock_timestamp() + \(term)
        WHERE id = \(id)
        RETURNING \(AgentThread.columns)
        """
    }

    /// Takes the lease of a locked thread away.
    static func release(_ id: ThreadID) -> SQL {
        "UPDATE agent.threads SET leased_by = NULL, leased_until = NULL WHERE id = \(id)"
    }

    /// Deletes locked threads with all they have but their runs.
    static func delete(_ ids: [ThreadID], trace: String?) -> SQL {
        """
        WITH gone_values AS (
            DELETE FROM agent.thread_values WHERE thread_id = ANY(\(ids))
        ), gone_writes AS (
            DELETE FROM agent.checkpoint_writes WHERE thread_id = ANY(\(ids))
        ), gone_checkpoints AS (
            DELETE FROM agent.checkpoints WHERE thread_id = ANY(\(ids))
        ), thread AS (
            DELETE FROM agent.threads WHERE id = ANY(\(ids))
            RETURNING id, project_id, version + 1 AS version
        )
        \(log("thread", "deleted", trace: trace))
        """
    }

    /// Locks the threads of a project, for one that deletes it.
    static func lock(ofProject project: ProjectID) -> SQL {
        """
        SELECT \(AgentThread.columns)
        FROM agent.threads AS thread WHERE project_id = \(project) ORDER BY id FOR NO KEY UPDATE
        """
    }

    /// Notes what was done to the checkpoints of locked threads.
    static func note(_ change: String, _ ids: [ThreadID], trace: String?) -> SQL {
        """
        WITH thread AS (
            UPDATE agent.threads AS thread
            SET version = version + 1, updated_at = now(),
                checkpoints = (SELECT count(*) FROM agent.checkpoints WHERE thread_id = thread.id)
            WHERE id = ANY(\(ids))
            RETURNING id, project_id, version
        )
        \(log("thread", change, trace: trace))
        """
    }

    /// An event for every row of a CTE with the columns `id, project_id, version`.
    private static func log(_ name: String, _ change: String, trace: String?) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.threadUpdated.rawValue)'"), id || ':' || version, id, version, project_id,
            json_build_object(
                'event_id', id || ':' || version,
                'type', \(unchecked: "'\(EventType.threadUpdated.rawValue)'"),
                'change', \(change)::text,
                'thread_id', id,
                'project_id', project_id,
                'seq', version,
                'version', version,
                'timestamp', shared.rfc3339(now())
            ),
            \(trace)
        FROM \(unchecked: name)
        """
    }

    static func isVisible(to limit: ProjectID?) -> SQL {
        "(\(limit)::uuid IS NULL OR thread.project_id = \(limit))"
    }

    private static func zero(_ project: ProjectID?) -> SQL { zero("\(project)::uuid") }
    private static func zero(_ project: SQL) -> SQL {
        "coalesce(\(project), '00000000-0000-0000-0000-000000000000')"
    }
}
