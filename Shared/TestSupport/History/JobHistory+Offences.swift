import Contracts

extension JobHistory {
    /// The promises that this history shows broken: each with how often, and one example.
    public var offences: [String] {
        var found = Offences()
        let byID = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
        for id in acknowledged where byID[id] == nil { found.add("an acknowledged job is gone", id) }
        for id in completed where byID[id]?.status != .completed {
            found.add("an acknowledged completion is gone", "\(id) is \(byID[id]?.status.rawValue ?? "gone")")
        }
        judgeEvents(of: byID, &found)
        judgeLeases(of: byID, &found)
        judgeChanges(&found)
        return found.lines
    }

    /// Numbers without a gap, the last of which says what the row says, and one final status.
    private func judgeEvents(of jobs: [String: Job], _ found: inout Offences) {
        let told = Dictionary(grouping: events, by: \.job)
        for (id, job) in jobs {
            let events = (told[id] ?? []).sorted { $0.seq < $1.seq }
            if events.map(\.seq) != Array(1...max(1, job.seq)) {
                found.add("numbers have gaps or repeats", "\(id): \(events.map(\.seq)) of \(job.seq)")
            }
            if let last = events.last, last.status != job.status {
                found.add("the last event is not what the row says", "\(id): \(last.status), not \(job.status)")
            }
            if events.count(where: \.status.isFinal) > 1 { found.add("a job ended more than once", id) }
            for (one, next) in zip(events, events.dropFirst())
            where one.status != next.status && !one.status.successors.contains(next.status) {
                found.add("a change of status that is not allowed", "\(id): \(one.status) to \(next.status)")
            }
        }
        for id in told.keys where jobs[id] == nil { found.add("events of a job that is gone", id) }
    }

    /// One live lease at most, each job where its status says, and no worker with more than it may have.
    private func judgeLeases(of jobs: [String: Job], _ found: inout Offences) {
        let held = Dictionary(grouping: leases, by: \.job)
        for (id, job) in jobs {
            let live = (held[id] ?? []).filter { $0.fence == job.fence }
            if live.count > 1 { found.add("a job has several live leases", id) }
            let isLeased = !live.isEmpty
            switch job.status {
            case .processing: if !isLeased { found.add("a job is processing and nobody has it", id) }
            case .queued:
                if isLeased == job.isReady {
                    found.add("a queued job is not in exactly one of line and lease", "\(id), leased: \(isLeased)")
                }
            case .scheduled: if !job.isScheduled { found.add("a scheduled job waits for no time", id) }
            case .blocked: break
            case .completed, .failed, .cancelled, .expired: break
            }
            if isLeased, job.status != .processing, job.status != .queued {
                found.add("a job is leased that cannot run", "\(id) is \(job.status)")
            }
            if (held[id] ?? []).contains(where: { $0.fence > job.fence }) {
                found.add("a lease is ahead of its job", id)
            }
        }
        for (worker, leases) in Dictionary(grouping: leases, by: \.worker) {
            guard let capacity = capacities[worker] else {
                found.add("a lease has no worker", "\(leases.count) of \(worker)")
                continue
            }
            if leases.count > capacity {
                found.add("a worker has more than its capacity", "\(worker): \(leases.count) of \(capacity)")
            }
        }
        for id in held.keys where jobs[id] == nil { found.add("a lease of a job that is gone", id) }
    }

    /// No change without the fence of a lease that was given, no fence that goes back, no final status that changes.
    private func judgeChanges(_ found: inout Offences) {
        var fences: [String: Set<Int64>] = [:]
        for grant in grants {
            if grant.fence != grant.jobFence || grant.status.isFinal {
                found.add("a lease was given that is not its job's", "\(grant.job) by \(grant.fence)")
            }
            if !fences[grant.job, default: []].insert(grant.fence).inserted {
                found.add("a fence was given twice", "\(grant.job) by \(grant.fence)")
            }
        }
        var last: [String: Change.Place] = [:]
        for change in changes {
            let (old, new) = (change.before, change.after)
            let detail =
                "\(change.job): \(old.status) \(old.seq) by \(old.fence), then \(new.status) \(new.seq) by \(new.fence)"
            if let known = last[change.job], known != old { found.add("a change was not written down", detail) }
            last[change.job] = new
            if new.fence < old.fence { found.add("a fence went back", detail) }
            if old.status.isFinal, new.status != old.status { found.add("a final status changed", detail) }
            if ![0, 1].contains(new.seq - old.seq) { found.add("a number was left out or used again", detail) }
            if new.status != old.status, new.seq == old.seq { found.add("a change of status without a number", detail) }
            if old.status == .processing, new.status != .processing, new.fence == old.fence {
                found.add("a lease ended and its fence stayed", detail)
            }
            let isByLease = new.status == .processing || old.status == .processing
            if new.status != old.status, isByLease, fences[change.job]?.contains(old.fence) != true {
                found.add("a job was changed without a lease", detail)
            }
        }
    }

    private struct Offences {
        private var found: [String: (count: Int, example: String)] = [:]

        mutating func add(_ rule: String, _ example: String) {
            found[rule] = ((found[rule]?.count ?? 0) + 1, found[rule]?.example ?? example)
        }

        var lines: [String] { found.map { "\($0) (\($1.count)): \($1.example)" }.sorted() }
    }
}
