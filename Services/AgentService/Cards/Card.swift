import Contracts
import JSON
import Kernel
import Postgres

/// A card as its row says, with the project it is in.
struct Card: Sendable {
    let id: CardID
    let activityID: ActivityID
    let projectID: ProjectID
    let title: String
    let prompt: String?
    let params: RawJSON
    let status: String
    let position: Int
    let version: Int
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// The statuses, in the order that work usually takes.
    static let statuses = ["todo", "in_progress", "review", "approved", "rejected", "done"]

    /// The columns that `init(_:)` reads, in its order, of tables or aliases called `card` and `activity`.
    static let columns: SQL = """
        card.id, card.activity_id, activity.project_id, card.title, card.prompt, card.params, card.status,
        card.position, card.version, card.created_at, card.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        activityID = try reader.next()
        projectID = try reader.next()
        title = try reader.next()
        prompt = try reader.next()
        params = try reader.next()
        status = try reader.next()
        position = try reader.next()
        version = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }
}

extension Card: JSONWritable {
    /// Writes the card as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("card_id", id)
            $0.member("activity_id", activityID)
            $0.member("project_id", projectID)
            $0.member("title", title)
            $0.member("prompt", prompt)
            $0.member("params", params)
            $0.member("status", status)
            $0.member("position", position)
            $0.member("version", version)
            $0.member("created_at", createdAt)
            $0.member("updated_at", updatedAt)
        }
    }
}
