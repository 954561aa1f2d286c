import Contracts

/// Something that can happen.
///
/// What the service does in several steps is several actions here, so that everything else may come between them. The
/// walks against the real service use the whole ones only: `claim`, `rescue`, `endTimedOut`, `promote`, `end`, `resolve`.
enum ModelAction: Sendable, Equatable, CustomStringConvertible {
    case submit(Int, JobStatus)
    /// A new job with `retry_of`.
    case retry(Int, as: Int)
    case open(worker: Int)
    /// The session's heartbeats stop; its program goes on and knows nothing.
    case silence(worker: Int)
    case close(worker: Int)
    case verb(worker: Int, QueueModel.Key, ModelVerb, retryable: Bool)
    case resume(Int)
    /// The worker says that it has stopped, or the sweeper forgets for it.
    case forget(Int)
    /// Notes of an ended parent become notes of its children.
    case expand(Int)

    case claim(worker: Int, job: Int)
    case rescue(worker: Int)
    case endTimedOut(QueueModel.Key)
    case promote(Int)
    case end(Int, JobStatus)
    case resolve(Int)

    /// The first half of an operation, its second half, or its death in between.
    case look(QueueModel.Pending)
    case act(QueueModel.Pending)
    case abort(QueueModel.Pending)

    var description: String {
        switch self {
        case .submit(let job, let status): "job \(job) is submitted as \(status)"
        case .retry(let job, let new): "job \(job) is run again as job \(new)"
        case .open(let worker): "worker \(worker) opens a session"
        case .silence(let worker): "worker \(worker) falls silent"
        case .close(let worker): "worker \(worker) closes its session"
        case .verb(let worker, let key, let verb, let again):
            "worker \(worker) says \(verb) for job \(key.job) by fence \(key.fence)\(verb == .fail && !again ? ", for good" : "")"
        case .resume(let job): "job \(job) is resumed"
        case .forget(let job): "ended leases of job \(job) are forgotten"
        case .expand(let job): "the end of job \(job) is told to those who wait"
        case .claim(let worker, let job): "worker \(worker) leases job \(job)"
        case .rescue(let worker): "worker \(worker) is found dead"
        case .endTimedOut(let key): "the attempt \(key.fence) of job \(key.job) took too long"
        case .promote(let job): "the time of job \(job) has come"
        case .end(let job, let status): "job \(job) is \(status)"
        case .resolve(let job): "job \(job) is looked at"
        case .look(let pending): "\(pending) begins"
        case .act(let pending): "\(pending) goes on"
        case .abort(let pending): "\(pending) dies"
        }
    }
}

/// A mistake that the model can be given, to see that it is found.
enum ModelFlaw: String, Sendable, CaseIterable {
    case verbsIgnoreTheFence
    case endsKeepTheFence
    case cancellationForgetsTheLease
    case cancellationDoesNotLookAgain
    case rescueDoesNotLookAgain
    case rescueForgetsTheLine
    case timeoutIgnoresTheFence
    case claimTakesWhateverIsInLine
    case promotionDoesNotLookAgain
    case snoozeForgetsItsTime
    case releaseLogsNothing
    case resolverMarksNoParent
    case endTellsNoDependent
    case oneLeaseRowPerJob
    case waitingNeedsAFreePlace
    case retryRevivesTheJob
}
