import Contracts

/// What must hold in every state, and of every step.
enum ModelRules {
    /// The rule that a step breaks, if it does.
    static func offence(from old: QueueModel, by action: ModelAction, to new: QueueModel) -> String? {
        for index in new.jobs.indices {
            guard let job = new.jobs[index] else { continue }
            if let rule = offence(in: job, of: new) { return "job \(index): \(rule)" }
            guard let before = old.jobs[index], before != job else { continue }
            if let rule = offence(from: before, to: job) { return "job \(index): \(rule)" }
            if let fence = action.fence(for: index), fence != before.fence {
                return "job \(index): it was changed in the name of a lease that is over"
            }
        }
        return nil
    }

    private static func offence(from old: QueueModel.Job, to new: QueueModel.Job) -> String? {
        if new.fence < old.fence { return "its fence went back" }
        if old.status.isFinal, new.status != old.status { return "its final status changed" }
        if old.status.isFinal, new.seq != old.seq { return "it ended twice" }
        if new.status != old.status {
            // The table that the documentation shows.
            if !old.status.successors.contains(new.status) { return "\(old.status) became \(new.status)" }
            if new.seq != old.seq + 1 { return "a change of status without a number" }
        } else if new.seq != old.seq {
            return "a number without a change of status"
        }
        if old.live != nil, new.live == nil, new.fence == old.fence { return "a lease ended and its fence stayed" }
        return nil
    }

    private static func offence(in job: QueueModel.Job, of model: QueueModel) -> String? {
        if job.seq != job.events { return "an event is missing or twice: \(job.events) of \(job.seq)" }
        if job.told != job.status { return "the last event says \(job.told), and it is \(job.status)" }
        if !(0...model.maxAttempts).contains(job.attempt) { return "it is on attempt \(job.attempt)" }
        if job.deaths > model.maximumDeaths { return "\(job.deaths) workers died under it" }
        let live = job.leases.filter { $0.fence == job.fence }
        if live.count > 1 { return "it has two live leases" }
        if let lease = live.first {
            if job.status != .queued && job.status != .processing { return "it is \(job.status), and leased" }
            if lease.isStarted != (job.status == .processing) { return "its lease is not where the job is" }
            if job.isReady { return "it is leased and in line" }
        } else if job.status == .processing {
            return "nobody has it, and it is processing"
        } else if job.status == .queued, !job.isReady {
            return "it is queued, and neither in line nor leased"
        }
        if job.status == .scheduled, !job.isScheduled { return "it is scheduled, and for no time" }
        return nil
    }
}

extension ModelAction {
    /// The lease in whose name a job is changed.
    fileprivate func fence(for job: Int) -> Int? {
        switch self {
        case .verb(_, let key, _, _), .act(.timeout(let key)): key.job == job ? key.fence : nil
        default: nil
        }
    }
}
