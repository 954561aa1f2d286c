import Contracts
import JSON
import Kernel
import Postgres

/// Which checkpoints of a thread are asked for.
struct CheckpointFilter: Sendable {
    let thread: ThreadID
    /// `nil` for all.
    var namespace: String?
    var id: CheckpointID?
    /// Older than this one.
    var before: CheckpointID?
    /// After this one on the page before, in the order of the list.
    var cursor: (id: CheckpointID, namespace: String)?
    /// What their metadata must contain.
    var metadata: RawJSON?

    var condition: SQL {
        var parts: [SQL] = ["checkpoint.thread_id = \(thread)"]
        if let namespace { parts.append("checkpoint.ns = \(namespace)") }
        if let id { parts.append("checkpoint.id = \(id)") }
        if let before { parts.append("checkpoint.id < \(before)") }
        if let cursor { parts.append("(checkpoint.id, checkpoint.ns) < (\(cursor.id), \(cursor.namespace))") }
        if let metadata { parts.append("checkpoint.metadata @> \(metadata)::jsonb") }
        return SQL(joining: parts, by: " AND ")
    }
}
