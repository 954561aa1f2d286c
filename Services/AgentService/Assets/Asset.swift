import Contracts
import JSON
import Kernel
import Postgres

/// An asset as its row says, with its live approval.
struct Asset: Sendable {
    /// Who approved it, and when.
    struct Approval: Sendable {
        let by: String
        let at: Timestamp
        let note: String?
    }

    let id: AssetID
    let projectID: ProjectID
    let cardID: CardID?
    let jobID: JobID
    let url: String
    let sha256: [UInt8]?
    let bytes: Int?
    let mediaType: String?
    let createdAt: Timestamp
    let approval: Approval?

    /// The columns that `init(_:)` reads, in its order, of tables or aliases called `asset` and `approval`.
    static let columns: SQL = """
        asset.id, asset.project_id, asset.card_id, asset.job_id, asset.url, asset.sha256, asset.bytes,
        asset.media_type, asset.created_at, approval.approved_by, approval.approved_at, approval.note
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        cardID = try reader.next()
        jobID = try reader.next()
        url = try reader.next()
        sha256 = try reader.next()
        bytes = try reader.next()
        mediaType = try reader.next()
        createdAt = try reader.next()
        let by: String? = try reader.next()
        let at: Timestamp? = try reader.next()
        let note: String? = try reader.next()
        if let by, let at { approval = Approval(by: by, at: at, note: note) } else { approval = nil }
    }
}

extension Asset: JSONWritable {
    /// Writes the asset as an object.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("asset_id", id)
            json.member("project_id", projectID)
            json.member("card_id", cardID)
            json.member("job_id", jobID)
            json.member("url", url)
            json.member("sha256", sha256.map { Hex.encode($0) })
            json.member("bytes", bytes)
            json.member("media_type", mediaType)
            json.member("created_at", createdAt)
            json.member("approval", approval)
        }
    }
}

extension Asset.Approval: JSONWritable {
    /// Writes the approval as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("approved_by", by)
            $0.member("approved_at", at)
            $0.member("note", note)
        }
    }
}
