import Contracts
import Messaging

/// What is left of a context's updates when only the newest of every job counts.
///
/// The last status of a job is never left out, so a final one is not; nor is what is not about a job. Progress counts
/// until the next status. What is left out is told by ranges that are sent first: whoever has got an update of this
/// payment has been told of every jump that may come after it.
struct Conflation {
    /// Status changes of a job that were left out.
    struct Skip: Sendable, Equatable {
        let job: JobID
        let from: Int
        let to: Int
    }

    private(set) var skips: [Skip] = []
    /// In the order they happened.
    private(set) var updates: [Update] = []

    init(_ all: [Update]) {
        // From the end: what is met first is the newest.
        var statuses: [JobID: Int] = [:]
        var progress: Set<JobID> = []
        var ranges: [JobID: (from: Int, to: Int)] = [:]
        for update in all.reversed() {
            let event = update.event
            guard let job = event.job else {
                updates.append(update)
                continue
            }
            if event.type == EventType.jobStatusUpdated.rawValue {
                if statuses[job] == nil {
                    statuses[job] = event.seq
                    updates.append(update)
                } else {
                    ranges[job] = (event.seq, ranges[job]?.to ?? event.seq)
                }
            } else if event.type == EventType.jobProgressUpdated.rawValue {
                if statuses[job] == nil, progress.insert(job).inserted { updates.append(update) }
            } else {
                updates.append(update)
            }
        }
        updates.reverse()
        for update in updates {
            guard let job = update.event.job, let range = ranges.removeValue(forKey: job) else { continue }
            skips.append(Skip(job: job, from: range.from, to: range.to))
        }
    }
}
