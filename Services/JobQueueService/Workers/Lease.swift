import Contracts
import JSON
import Kernel
import Postgres

/// A job in the hands of one worker. `fence` is the proof: whoever has a lower one has lost the job.
struct Lease: Sendable, JSONWritable {
    let jobID: JobID
    let fence: Int64
    let kind: String
    let queue: String
    let params: RawJSON
    /// Starts before this lease; its own is this plus one.
    let attempt: Int
    let maxAttempts: Int
    let timeout: Duration
    let deadlineAt: Timestamp?
    let checkpoint: RawJSON?
    let providerState: RawJSON?
    let projectID: ProjectID?
    let cardID: CardID?
    let traceparent: String?
    /// What was said when the suspended job was resumed.
    let resumeData: RawJSON?
    /// Whether the claim has begun the job too.
    var isStarted = false

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `job`.
    static let columns: SQL = """
        job.id, job.fence, job.kind, job.queue, job.params, job.attempt, job.max_attempts, job.timeout_ms,
        job.deadline_at, job.checkpoint, job.provider_state, job.project_id, job.card_id, job.traceparent,
        job.resume_data
        """

    static let columnCount = 15

    /// Those of a claim's rows that are leases: it returns one row at least.
    static func all(_ rows: Rows) throws -> [Lease] {
        try rows.filter { try $0.decode(0, as: JobID?.self) != nil }.map(Lease.init)
    }

    init(_ row: Row) throws { try self.init(row, isStarted: false) }

    init(_ row: Row, isStarted: Bool) throws {
        self.isStarted = isStarted
        var reader = row.reader
        jobID = try reader.next()
        fence = try reader.next()
        kind = try reader.next()
        queue = try reader.next()
        params = try reader.next()
        attempt = try reader.next(Int.self) - (isStarted ? 1 : 0)
        maxAttempts = try reader.next()
        timeout = .milliseconds(try reader.next(Int.self))
        deadlineAt = try reader.next()
        checkpoint = try reader.next()
        providerState = try reader.next()
        projectID = try reader.next()
        cardID = try reader.next()
        traceparent = try reader.next()
        resumeData = try reader.next()
    }

    /// Writes what a worker needs.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("job_id", jobID)
            $0.member("fence", fence)
            $0.member("kind", kind)
            $0.member("queue", queue)
            $0.member("params", params)
            $0.member("attempt", attempt + 1)
            $0.member("max_attempts", maxAttempts)
            $0.member("timeout_ms", timeout.milliseconds)
            $0.member("deadline_at", deadlineAt)
            $0.member("checkpoint", checkpoint)
            $0.member("resume", resumeData)
            $0.member("project_id", projectID)
            $0.member("card_id", cardID)
            $0.member("traceparent", traceparent)
            $0.member("started", isStarted)
        }
    }
}
