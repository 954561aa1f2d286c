import Contracts
import JSON
import Kernel
import Postgres

/// Statements over `agent.checkpoints`, their values and their writes. Those that change something want the threads'
/// rows locked.
enum CheckpointStatements {
    /// What is there of some checkpoints.
    static func known(_ keys: [CheckpointKey]) -> SQL {
        """
        SELECT checkpoint.thread_id, checkpoint.ns, checkpoint.id, checkpoint.version, checkpoint.digest,
            checkpoint.channels, checkpoint.value_digests
        FROM unnest(\(keys.map(\.thread)), \(keys.map(\.namespace)), \(keys.map(\.id))) AS key (thread_id, ns, id)
        JOIN agent.checkpoints AS checkpoint USING (thread_id, ns, id)
        """
    }

    /// Stores what a plan allows, with its events; its threads are locked.
    static func store(_ plan: ThreadPlan) -> SQL {
        let threads = plan.changedThreads
        return """
            WITH kept AS (
                \(keep(plan))
            ), stored AS (
                \(insert(plan.checkpoints))
                ON CONFLICT (thread_id, ns, id) DO UPDATE
                SET parent_id = excluded.parent_id, version = excluded.version, digest = excluded.digest,
                    body = excluded.body, channels = excluded.channels, value_digests = excluded.value_digests,
                    metadata = excluded.metadata
            ), written AS (
                \(write(plan.writes))
            ), changed AS (
                UPDATE agent.threads AS thread
                SET version = item.version, checkpoints = item.checkpoints, updated_at = now()
                FROM unnest(
                    \(threads.map(\.id)), \(threads.map(\.state.version)), \(threads.map(\.state.checkpoints))
                ) AS item (id, version, checkpoints)
                WHERE thread.id = item.id
            )
            \(log(plan.events))
            """
    }

    /// The same for threads that are as remembered and checkpoints that are new; for others it fails with a division by
    /// zero, and nothing is stored.
    static func store(
        _ plan: ThreadPlan,
        ifStill old: [ThreadID: ThreadPlan.State],
        fences: [ThreadID: Int64?]
    ) -> SQL {
        let threads = old.map { (id: $0.key, old: $0.value, new: plan.threads[$0.key] ?? $0.value) }
        return """
            WITH item AS MATERIALIZED (
                SELECT *
                FROM unnest(
                    \(threads.map(\.id)), \(threads.map(\.old.version)), \(threads.map(\.new.version)),
                    \(threads.map(\.new.checkpoints)), \(threads.map { fences[$0.id] ?? nil })
                ) AS item (id, old_version, version, checkpoints, fence)
            ), locked AS MATERIALIZED (
                SELECT id FROM agent.threads WHERE id = ANY(\(threads.map(\.id))) ORDER BY id FOR NO KEY UPDATE
            ), changed AS (
                UPDATE agent.threads AS thread
                SET version = item.version, checkpoints = item.checkpoints, updated_at = now()
                FROM item JOIN locked USING (id)
                -- The ids once more, or a plan that was made when there were few threads walks through all of them.
                WHERE thread.id = item.id AND thread.id = ANY(\(threads.map(\.id)))
                    AND thread.version = item.old_version
                    AND CASE
                        WHEN item.fence IS NOT NULL THEN thread.fence = item.fence AND thread.leased_by IS NOT NULL
                        ELSE thread.leased_by IS NULL OR thread.leased_until <= clock_timestamp()
                    END
                RETURNING thread.id
            ), kept AS (
                \(keep(plan))
            ), stored AS (
                \(insert(plan.checkpoints))
                ON CONFLICT DO NOTHING
                RETURNING id
            ), written AS (
                \(write(plan.writes))
            ), logged AS (
                \(log(plan.events))
            )
            SELECT 1 / (
                (SELECT count(*) FROM changed) = \(threads.count)
                AND (SELECT count(*) FROM stored) = \(plan.checkpoints.count)
            )::integer
            """
    }

    private static func keep(_ plan: ThreadPlan) -> SQL {
        let values = plan.keptValues
        return """
            INSERT INTO agent.thread_values (thread_id, digest, value)
            SELECT *
            FROM unnest(\(values.map(\.thread)), \(values.map(\.digest)), \(values.map(\.bytes)))
            ON CONFLICT DO NOTHING
            """
    }

    private static func insert(_ checkpoints: [ThreadPlan.Checkpoint]) -> SQL {
        """
        INSERT INTO agent.checkpoints (
            thread_id, ns, id, parent_id, version, digest, body, channels, value_digests, metadata
        )
        SELECT thread_id, ns, id, parent_id, version, digest, body, channels, value_digests::uuid[], metadata::jsonb
        FROM unnest(
            \(checkpoints.map(\.key.thread)), \(checkpoints.map(\.key.namespace)), \(checkpoints.map(\.key.id)),
            \(checkpoints.map(\.parent)), \(checkpoints.map(\.known.version)), \(checkpoints.map(\.known.digest)),
            \(checkpoints.map(\.body)), \(checkpoints.map(\.known.channels)),
            \(checkpoints.map { DigestList($0.known.digests).literal }), \(checkpoints.map(\.metadata))
        ) AS item (thread_id, ns, id, parent_id, version, digest, body, channels, value_digests, metadata)
        """
    }

    private static func write(_ writes: [ThreadPlan.Write]) -> SQL {
        """
        INSERT INTO agent.checkpoint_writes (
            thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, place, value_digests
        )
        SELECT thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, place, value_digests::uuid[]
        FROM unnest(
            \(writes.map(\.key.thread)), \(writes.map(\.key.namespace)), \(writes.map(\.key.id)),
            \(writes.map(\.draft.taskID)), \(writes.map(\.draft.index)), \(writes.map(\.draft.taskPath)),
            \(writes.map(\.draft.channel)), \(writes.map(\.draft.place)), \(writes.map(\.draft.digests.literal))
        ) AS item (thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, place, value_digests)
        ON CONFLICT (thread_id, ns, checkpoint_id, task_id, idx) DO UPDATE
        SET task_path = excluded.task_path, channel = excluded.channel, place = excluded.place,
            value_digests = excluded.value_digests
        WHERE excluded.idx < 0
        """
    }

    private static func log(_ events: [ThreadPlan.Checkpoint]) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.threadUpdated.rawValue)'"), id || ':' || seq, id, seq, project_id,
            json_build_object(
                'event_id', id || ':' || seq,
                'type', \(unchecked: "'\(EventType.threadUpdated.rawValue)'"),
                'change', 'checkpoint',
                'thread_id', id,
                'project_id', project_id,
                'seq', seq,
                'version', seq,
                'checkpoint_ns', ns,
                'checkpoint_id', checkpoint_id,
                'timestamp', shared.rfc3339(now())
            ),
            traceparent
        FROM unnest(
            \(events.map(\.key.thread)), \(events.map(\.known.version)), \(events.map(\.project)),
            \(events.map(\.key.namespace)), \(events.map(\.key.id)), \(events.map(\.trace))
        ) AS item (id, seq, project_id, ns, checkpoint_id, traceparent)
        """
    }

    /// The checkpoints that a list shows, newest first.
    static func list(_ filter: CheckpointFilter, limit: Int) -> SQL {
        """
        SELECT \(Checkpoint.columns)
        FROM agent.checkpoints AS checkpoint
        WHERE \(filter.condition)
        ORDER BY checkpoint.id DESC, checkpoint.ns DESC
        LIMIT \(limit)
        """
    }

    /// The writes of a thread's checkpoints, in the order in which a step applies them.
    static func writes(_ thread: ThreadID, of checkpoints: [CheckpointID]) -> SQL {
        """
        SELECT ns, checkpoint_id, task_id, task_path, idx, channel, place, value_digests
        FROM agent.checkpoint_writes
        WHERE thread_id = \(thread) AND checkpoint_id = ANY(\(checkpoints))
        ORDER BY task_path, task_id, idx
        """
    }

    /// How large values of a thread are.
    static func sizes(_ thread: ThreadID, of digests: [UUID]) -> SQL {
        """
        SELECT digest, octet_length(value)
        FROM agent.thread_values WHERE thread_id = \(thread) AND digest = ANY(\(digests))
        """
    }

    /// Values of a thread; none when together they are larger than that.
    static func values(_ thread: ThreadID, of digests: [UUID], atMost bytes: Int) -> SQL {
        """
        SELECT digest, value
        FROM agent.thread_values
        WHERE thread_id = \(thread) AND digest = ANY(\(digests)) AND \(bytes) >= (
            SELECT sum(octet_length(value))
            FROM agent.thread_values WHERE thread_id = \(thread) AND digest = ANY(\(digests))
        )
        """
    }
}
