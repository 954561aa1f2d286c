import Contracts
import JSON
import Kernel
import Postgres

/// A job as its row says.
struct Job: Sendable {
    let id: JobID
    let projectID: ProjectID?
    let activityID: ActivityID?
    let cardID: CardID?
    let kind: String
    let queue: String
    let status: JobStatus
    let phase: JobPhase
    let seq: Int
    let attempt: Int
    let maxAttempts: Int
    let priority: Int
    let params: RawJSON
    let metadata: RawJSON
    let tags: [String]
    let timeout: Duration
    let deadlineAt: Timestamp?
    let callbackURL: String?
    let progressFraction: Double?
    let progressMessage: String?
    let resultURL: String?
    let result: RawJSON?
    let errorCode: String?
    let errorMessage: String?
    let retryOf: JobID?
    let dependsOn: [JobID]
    let onParentFailure: JobSubmission.ParentFailure
    let orderingKey: String?
    let concurrencyKey: String?
    let dependency: String?
    let waitReason: String?
    /// Of a submission only; it is not read back.
    let unique: UniqueRule?
    let createdAt: Timestamp
    let runAt: Timestamp
    let startedAt: Timestamp?
    let completedAt: Timestamp?

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `job`.
    static let columns: SQL = """
        job.id, job.project_id, job.activity_id, job.card_id, job.kind, job.queue, job.status, job.phase, job.seq,
        job.attempt, job.max_attempts, job.priority, job.params, job.metadata, job.tags, job.timeout_ms,
        job.deadline_at, job.callback_url, job.progress_fraction, job.progress_message, job.result_url, job.result,
        job.error_code, job.error_message, job.retry_of, job.depends_on,
        job.on_parent_failure, job.ordering_key, job.concurrency_key, job.dependency, job.wait_reason, job.created_at, job.run_at, job.started_at, job.completed_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        activityID = try reader.next()
        cardID = try reader.next()
        kind = try reader.next()
        queue = try reader.next()
        status = try reader.next()
        phase = try reader.next()
        seq = try reader.next()
        attempt = try reader.next()
        maxAttempts = try reader.next()
        priority = try reader.next()
        params = try reader.next()
        metadata = try reader.next()
        tags = try reader.next()
        timeout = .milliseconds(try reader.next(Int.self))
        deadlineAt = try reader.next()
        callbackURL = try reader.next()
        progressFraction = try reader.next()
        progressMessage = try reader.next()
        resultURL = try reader.next()
        result = try reader.next()
        errorCode = try reader.next()
        errorMessage = try reader.next()
        retryOf = try reader.next()
        dependsOn = try reader.next()
        onParentFailure = try reader.next(String?.self).flatMap(JobSubmission.ParentFailure.init) ?? .fail
        orderingKey = try reader.next()
        concurrencyKey = try reader.next()
        dependency = try reader.next()
        waitReason = try reader.next()
        unique = nil
        createdAt = try reader.next()
        runAt = try reader.next()
        startedAt = try reader.next()
        completedAt = try reader.next()
    }

    /// A job as it will be once `submission` is stored.
    init(_ submission: JobSubmission, id: JobID, place: CardPlace?, at now: Timestamp) {
        self.id = id
        projectID = place?.projectID ?? submission.projectID
        activityID = place?.activityID
        cardID = submission.cardID
        kind = submission.kind
        queue = submission.queue
        runAt = submission.runAt(now)
        let waitsForOthers = !submission.dependsOn.isEmpty || submission.orderingKey != nil
        status = waitsForOthers ? .blocked : runAt > now ? .scheduled : .queued
        phase = .waiting
        seq = 1
        attempt = 0
        maxAttempts = submission.maxAttempts
        priority = submission.priority
        params = submission.params
        metadata = submission.metadata
        tags = submission.tags
        timeout = submission.timeout
        deadlineAt = submission.deadlineAt
        callbackURL = submission.callbackURL
        progressFraction = nil
        progressMessage = nil
        resultURL = nil
        result = nil
        errorCode = nil
        errorMessage = nil
        retryOf = submission.retryOf
        dependsOn = submission.dependsOn
        onParentFailure = submission.onParentFailure
        orderingKey = submission.orderingKey
        concurrencyKey = submission.concurrencyKey
        dependency = submission.dependency
        waitReason = nil
        unique = submission.unique
        createdAt = now
        startedAt = nil
        completedAt = nil
    }
}
