import Contracts
import JSON
import Kernel
import Postgres

/// What this service knows of a job: a row of the view that the job queue offers.
struct JobView: Sendable {
    let id: JobID
    let cardID: CardID?
    let kind: String
    let queue: String
    let status: String
    let phase: String
    let attempt: Int
    let progressFraction: Double?
    let progressMessage: String?
    let resultURL: String?
    let errorCode: String?
    let errorMessage: String?
    let createdAt: Timestamp
    let startedAt: Timestamp?
    let completedAt: Timestamp?
    let seq: Int

    /// The columns that `init(_:)` reads, in its order, of a view or alias called `job`.
    static let columns: SQL = """
        job.id, job.card_id, job.kind, job.queue, job.status, job.phase, job.attempt, job.progress_fraction,
        job.progress_message, job.result_url, job.error_code, job.error_message, job.created_at, job.started_at,
        job.completed_at, job.seq
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        cardID = try reader.next()
        kind = try reader.next()
        queue = try reader.next()
        status = try reader.next()
        phase = try reader.next()
        attempt = try reader.next()
        progressFraction = try reader.next()
        progressMessage = try reader.next()
        resultURL = try reader.next()
        errorCode = try reader.next()
        errorMessage = try reader.next()
        createdAt = try reader.next()
        startedAt = try reader.next()
        completedAt = try reader.next()
        seq = try reader.next()
    }
}

extension JobView: JSONWritable {
    /// Writes the job as an object, by the names that the job queue uses.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("job_id", id)
            json.member("card_id", cardID)
            json.member("kind", kind)
            json.member("queue", queue)
            json.member("status", status)
            json.member("phase", phase)
            json.member("attempt", attempt)
            json.member("progress") { json in
                guard progressFraction != nil || progressMessage != nil else { return json.value(Bool?.none) }
                json.object {
                    $0.member("fraction", progressFraction)
                    $0.member("message", progressMessage)
                }
            }
            json.member("result_url", resultURL)
            json.member("error_code", errorCode)
            json.member("error_message", errorMessage)
            json.member("created_at", createdAt)
            json.member("started_at", startedAt)
            json.member("completed_at", completedAt)
            json.member("seq", seq)
        }
    }
}
