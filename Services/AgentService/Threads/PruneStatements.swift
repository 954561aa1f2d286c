import Contracts
import Kernel
import Postgres

/// Statements that take checkpoints out of locked threads, or copy them to others.
enum PruneStatements {
    /// Whether a thread has values that are to be put together from older checkpoints: LangGraph's delta channels say so
    /// in the metadata.
    static func needsAncestors(_ thread: ThreadID) -> SQL {
        """
        SELECT FROM agent.checkpoints
        WHERE thread_id = \(thread)
            AND metadata ?| ARRAY['counters_since_delta_snapshot', 'delta_writes_versioned']
        LIMIT 1
        """
    }

    /// Deletes all but the newest checkpoints of each namespace, with their writes. The namespace of a subgraph's call
    /// (it has the call's id behind a colon) goes as a whole when the checkpoint that it was called from goes.
    static func keepNewest(_ count: Int, of thread: ThreadID) -> SQL {
        """
        WITH ranked AS (
            SELECT ns, id, metadata -> 'parents' ->> '' AS caller,
                row_number() OVER (PARTITION BY ns ORDER BY id DESC) AS age
            FROM agent.checkpoints WHERE thread_id = \(thread)
        ), ended AS (
            SELECT call.ns
            FROM ranked AS call JOIN ranked AS caller ON caller.ns = '' AND caller.id::text = call.caller
            WHERE call.age = 1 AND call.ns LIKE '%:%' AND caller.age > \(count)
        ), deleted AS (
            DELETE FROM agent.checkpoints AS checkpoint USING ranked
            WHERE checkpoint.thread_id = \(thread) AND checkpoint.ns = ranked.ns AND checkpoint.id = ranked.id
                AND (ranked.age > \(count) OR ranked.ns IN (SELECT ns FROM ended))
            RETURNING checkpoint.thread_id, checkpoint.ns, checkpoint.id
        )
        \(forgetWrites)
        """
    }

    /// Deletes the checkpoints of runs, with their writes.
    static func delete(ofRuns runs: [String], in threads: [ThreadID]) -> SQL {
        """
        WITH deleted AS (
            DELETE FROM agent.checkpoints
            WHERE thread_id = ANY(\(threads)) AND metadata ? 'run_id' AND metadata ->> 'run_id' = ANY(\(runs))
            RETURNING thread_id, ns, id
        )
        \(forgetWrites)
        """
    }

    /// The writes of the rows of a CTE `deleted`; yields a row for each of those.
    private static let forgetWrites: SQL = """
        , forgotten AS (
            DELETE FROM agent.checkpoint_writes AS written USING deleted
            WHERE written.thread_id = deleted.thread_id AND written.ns = deleted.ns
                AND written.checkpoint_id = deleted.id
        )
        SELECT thread_id FROM deleted
        """

    /// The threads that have checkpoints of runs.
    static func threads(ofRuns runs: [String], limit: ProjectID?) -> SQL {
        """
        SELECT DISTINCT thread.id
        FROM agent.checkpoints AS checkpoint JOIN agent.threads AS thread ON thread.id = checkpoint.thread_id
        WHERE checkpoint.metadata ? 'run_id' AND checkpoint.metadata ->> 'run_id' = ANY(\(runs))
            AND \(ThreadStatements.isVisible(to: limit))
        """
    }

    /// After checkpoints were deleted: the parents that are gone, and the values that nothing names any more.
    static func tidy(_ threads: [ThreadID]) -> [SQL] {
        [
            """
            UPDATE agent.checkpoints AS checkpoint SET parent_id = NULL
            WHERE thread_id = ANY(\(threads)) AND parent_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM agent.checkpoints AS parent
                WHERE parent.thread_id = checkpoint.thread_id AND parent.ns = checkpoint.ns
                    AND parent.id = checkpoint.parent_id
            )
            """,
            """
            DELETE FROM agent.thread_values AS value
            WHERE thread_id = ANY(\(threads)) AND (thread_id, digest) NOT IN (
                SELECT thread_id, unnest(value_digests) FROM agent.checkpoints WHERE thread_id = ANY(\(threads))
                UNION ALL
                SELECT thread_id, unnest(value_digests) FROM agent.checkpoint_writes WHERE thread_id = ANY(\(threads))
            )
            """,
        ]
    }

    /// Copies a thread's checkpoints, writes and values to one that has none.
    static func copyAll(_ source: ThreadID, to target: ThreadID) -> [SQL] {
        copy(source, to: target, where: ("true", "true"))
    }

    /// Copies a checkpoint and those that it comes from.
    static func copy(_ source: ThreadID, upTo checkpoint: CheckpointKey, to target: ThreadID) -> [SQL] {
        let line: SQL = """
            WITH RECURSIVE line AS (
                SELECT id, parent_id FROM agent.checkpoints
                WHERE thread_id = \(source) AND ns = \(checkpoint.namespace) AND id = \(checkpoint.id)
                UNION
                SELECT parent.id, parent.parent_id
                FROM line JOIN agent.checkpoints AS parent
                    ON parent.thread_id = \(source) AND parent.ns = \(checkpoint.namespace)
                        AND parent.id = line.parent_id
            )
            SELECT id FROM line
            """
        return copy(
            source,
            to: target,
            where: (
                "ns = \(checkpoint.namespace) AND id IN (\(line))",
                "ns = \(checkpoint.namespace) AND checkpoint_id IN (\(line))"
            )
        )
    }

    private static func copy(_ source: ThreadID, to target: ThreadID, where which: (checkpoints: SQL, writes: SQL))
        -> [SQL]
    {
        [
            """
            INSERT INTO agent.checkpoints (
                thread_id, ns, id, parent_id, version, digest, body, channels, value_digests, metadata, created_at
            )
            SELECT \(target), ns, id, parent_id, version, digest, body, channels, value_digests, metadata, created_at
            FROM agent.checkpoints WHERE thread_id = \(source) AND \(which.checkpoints)
            """,
            """
            INSERT INTO agent.checkpoint_writes (
                thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, place, value_digests
            )
            SELECT \(target), ns, checkpoint_id, task_id, idx, task_path, channel, place, value_digests
            FROM agent.checkpoint_writes WHERE thread_id = \(source) AND \(which.writes)
            """,
            """
            INSERT INTO agent.thread_values (thread_id, digest, value)
            SELECT \(target), digest, value
            FROM agent.thread_values WHERE thread_id = \(source) AND digest IN (
                SELECT unnest(value_digests) FROM agent.checkpoints WHERE thread_id = \(target)
                UNION ALL
                SELECT unnest(value_digests) FROM agent.checkpoint_writes WHERE thread_id = \(target)
            )
            """,
        ]
    }
}
