import Contracts
import JSON
import Kernel
import Postgres

/// A thread as its row says.
struct AgentThread: Sendable {
    let id: ThreadID
    let projectID: ProjectID?
    let key: String?
    let title: String?
    let metadata: RawJSON
    let version: Int
    let checkpoints: Int
    let fence: Int64
    let leasedBy: String?
    let leasedUntil: Timestamp?
    /// Whether the lease lasts, by the database's clock.
    let isLeased: Bool
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `thread`.
    static let columns: SQL = """
        thread.id, thread.project_id, thread.key, thread.title, thread.metadata, thread.version, thread.checkpoints,
        thread.fence, thread.leased_by, thread.leased_until,
        thread.leased_by IS NOT NULL AND thread.leased_until > clock_timestamp(), thread.created_at, thread.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        key = try reader.next()
        title = try reader.next()
        metadata = try reader.next()
        version = try reader.next()
        checkpoints = try reader.next()
        fence = try reader.next()
        leasedBy = try reader.next()
        leasedUntil = try reader.next()
        isLeased = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }
}

extension AgentThread: JSONWritable {
    /// Writes the thread as an object. The fence is its holder's, and not shown.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("thread_id", id)
            json.member("project_id", projectID)
            json.member("key", key)
            json.member("title", title)
            json.member("metadata", metadata)
            json.member("version", version)
            json.member("checkpoints", checkpoints)
            json.member("lease") { json in
                guard isLeased else { return json.value(Bool?.none) }
                json.object {
                    $0.member("holder", leasedBy)
                    $0.member("expires_at", leasedUntil)
                }
            }
            json.member("created_at", createdAt)
            json.member("updated_at", updatedAt)
        }
    }
}
