import Contracts
import JSON
import Kernel
import Postgres

/// A checkpoint as its row says: its values are elsewhere.
struct Checkpoint: Sendable {
    let key: CheckpointKey
    let parent: CheckpointID?
    let version: Int
    let body: RawJSON
    let channels: RawJSON
    let digests: [UUID]
    let metadata: RawJSON
    let createdAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `checkpoint`.
    static let columns: SQL = """
        checkpoint.thread_id, checkpoint.ns, checkpoint.id, checkpoint.parent_id, checkpoint.version, checkpoint.body,
        checkpoint.channels, checkpoint.value_digests, checkpoint.metadata, checkpoint.created_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        key = CheckpointKey(thread: try reader.next(), namespace: try reader.next(), id: try reader.next())
        parent = try reader.next()
        version = try reader.next()
        body = try reader.next()
        channels = try reader.next()
        digests = try reader.next()
        metadata = try reader.next()
        createdAt = try reader.next()
    }
}

/// A write as its row says.
struct CheckpointWrite: Sendable {
    let namespace: String
    let checkpointID: CheckpointID
    let taskID: String
    let taskPath: String
    let index: Int
    let channel: String
    let place: RawJSON
    let digests: [UUID]

    init(_ row: Row) throws {
        var reader = row.reader
        namespace = try reader.next()
        checkpointID = try reader.next()
        taskID = try reader.next()
        taskPath = try reader.next()
        index = try reader.next()
        channel = try reader.next()
        place = try reader.next()
        digests = try reader.next()
    }
}
