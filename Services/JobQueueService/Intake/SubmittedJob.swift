import HTTPServer

/// A job as its submission left it: a new one, or the one that the unique key named.
struct SubmittedJob: Sendable {
    let job: Job
    let isNew: Bool

    static func new(_ job: Job) -> SubmittedJob { SubmittedJob(job: job, isNew: true) }
    static func existing(_ job: Job) -> SubmittedJob { SubmittedJob(job: job, isNew: false) }

    var status: Status { isNew ? .created : .ok }

    /// The body of the answer.
    var answer: [UInt8] { isNew ? job.createdAnswer : job.existingAnswer }
}
