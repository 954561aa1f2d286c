import Contracts
import JSON
import Kernel
import Postgres

/// What lists show of a card: all but its prompt and params, which may be long.
struct CardOverview: Sendable, JSONWritable {
    let id: CardID
    let activityID: ActivityID
    let title: String
    let status: String
    let position: Int
    let version: Int
    let updatedAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `card`.
    static let columns: SQL = """
        card.id, card.activity_id, card.title, card.status, card.position, card.version, card.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        activityID = try reader.next()
        title = try reader.next()
        status = try reader.next()
        position = try reader.next()
        version = try reader.next()
        updatedAt = try reader.next()
    }

    /// Writes the overview as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("card_id", id)
            $0.member("title", title)
            $0.member("status", status)
            $0.member("position", position)
            $0.member("version", version)
            $0.member("updated_at", updatedAt)
        }
    }
}
