import Contracts
import JSON
import Kernel
import Postgres

/// What somebody wants remembered of a project, as its row says.
struct Note: Sendable {
    /// Where its text comes from.
    enum Source: String, Sendable, CaseIterable {
        case person
        /// A model, in its own words.
        case agent
        /// What a tool, a page or a file said.
        case tool
    }

    /// Whether models are told of it.
    enum State: String, Sendable, CaseIterable {
        case live
        /// It came out of a tool, and nobody has approved it.
        case quarantined
        /// Another note replaces it.
        case superseded
        /// The moment until which it was valid is over.
        case expired

        var omission: ContextPart.Omission? {
            switch self {
            case .live: nil
            case .quarantined: .quarantined
            case .superseded: .superseded
            case .expired: .expired
            }
        }
    }

    let id: NoteID
    let projectID: ProjectID
    let text: String
    let author: String
    let source: Source
    /// From 0 to 1.
    let confidence: Double
    let validUntil: Timestamp?
    let supersededBy: NoteID?
    let approvedBy: String?
    let approvedAt: Timestamp?
    let state: State
    let version: Int
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// Characters of a text.
    static let lengths = 1...4_000

    /// Whether its text awaits approval. A tool's always does: who injects a text into what a tool reads must not be able
    /// to have it told to every model from then on.
    var isQuarantined: Bool { source == .tool && approvedAt == nil }

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        text = try reader.next()
        author = try reader.next()
        source = try reader.next()
        confidence = try reader.next()
        validUntil = try reader.next()
        supersededBy = try reader.next()
        approvedBy = try reader.next()
        approvedAt = try reader.next()
        state = try reader.next()
        version = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }
}

extension Note.Source: PostgresDecodable {}
extension Note.State: PostgresDecodable {}

extension Note: JSONWritable {
    /// Writes the note as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("note_id", id)
            $0.member("project_id", projectID)
            $0.member("text", text)
            $0.member("author", author)
            $0.member("source", source.rawValue)
            $0.member("confidence", confidence)
            $0.member("valid_until", validUntil)
            $0.member("superseded_by", supersededBy)
            $0.member("approved_by", approvedBy)
            $0.member("approved_at", approvedAt)
            $0.member("state", state.rawValue)
            $0.member("version", version)
            $0.member("created_at", createdAt)
            $0.member("updated_at", updatedAt)
        }
    }
}
