import Contracts
import JSON
import Kernel
import Postgres

/// A project as its row says.
struct Project: Sendable {
    let id: ProjectID
    let title: String
    let description: String?
    let metadata: RawJSON
    let version: Int
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `project`.
    static let columns: SQL = """
        project.id, project.title, project.description, project.metadata, project.version, project.created_at,
        project.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        title = try reader.next()
        description = try reader.next()
        metadata = try reader.next()
        version = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }
}

extension Project: JSONWritable {
    /// Writes the project as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("project_id", id)
            $0.member("title", title)
            $0.member("description", description)
            $0.member("metadata", metadata)
            $0.member("version", version)
            $0.member("created_at", createdAt)
            $0.member("updated_at", updatedAt)
        }
    }
}
