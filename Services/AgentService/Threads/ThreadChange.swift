import Contracts
import JSON
import Kernel

/// What a request adds to a thread: a checkpoint, writes, or both.
struct ThreadChange: Sendable {
    let thread: ThreadID
    /// The only project that the caller sees.
    let limit: ProjectID?
    /// Which checkpoint is stored or written to.
    let namespace: String
    let checkpointID: CheckpointID
    let checkpoint: CheckpointDraft?
    let writes: [WriteDraft]
    /// The writes' values; a checkpoint has its own.
    let values: [UUID: [UInt8]]
    /// The version that the thread must have.
    let expectedVersion: Int?
    /// The lease that the caller has.
    let fence: Int64?
    let trace: String

    var key: CheckpointKey { CheckpointKey(thread: thread, namespace: namespace, id: checkpointID) }

    /// Roughly what it weighs.
    var bytes: Int {
        values.values.reduce(0) { $0 + $1.count } + (checkpoint?.values.values.reduce(0) { $0 + $1.count } ?? 0)
    }
}

/// What names a checkpoint.
struct CheckpointKey: Sendable, Hashable {
    let thread: ThreadID
    let namespace: String
    let id: CheckpointID
}

/// What became of a change.
struct ThreadChanged: Sendable {
    /// The thread's version after it; of a checkpoint that was there already, the one it was stored with.
    let version: Int
    /// Whether the very same checkpoint was there already, and nothing was done.
    let isRepeat: Bool
}
