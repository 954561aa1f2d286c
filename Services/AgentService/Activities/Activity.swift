import Contracts
import JSON
import Kernel
import Postgres

/// An activity as its row says.
struct Activity: Sendable {
    let id: ActivityID
    let projectID: ProjectID
    let title: String
    let description: String?
    let taskType: String
    let position: Int
    let version: Int
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// What a card of an activity may be about.
    static let taskTypes = ["image", "video", "text", "audio"]

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `activity`.
    static let columns: SQL = """
        activity.id, activity.project_id, activity.title, activity.description, activity.task_type, activity.position,
        activity.version, activity.created_at, activity.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        title = try reader.next()
        description = try reader.next()
        taskType = try reader.next()
        position = try reader.next()
        version = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }
}

/// An activity with the cards it holds, in order.
struct ActivityWithCards<Item: JSONWritable & Sendable>: JSONWritable, Sendable {
    let activity: Activity
    let cards: [Item]

    /// Writes the activity as an object, its cards last.
    func write(to json: inout JSONWriter) {
        json.object {
            activity.writeMembers(to: &$0)
            $0.member("cards", cards)
        }
    }
}

extension Activity: JSONWritable {
    /// Writes the activity as an object.
    func write(to json: inout JSONWriter) { json.object { writeMembers(to: &$0) } }

    func writeMembers(to json: inout JSONWriter) {
        json.member("activity_id", id)
        json.member("project_id", projectID)
        json.member("title", title)
        json.member("description", description)
        json.member("task_type", taskType)
        json.member("position", position)
        json.member("version", version)
        json.member("created_at", createdAt)
        json.member("updated_at", updatedAt)
    }
}
