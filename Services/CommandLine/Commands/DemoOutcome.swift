import Contracts
import JSON

/// What the demonstration has seen of its jobs.
struct DemoOutcome: Sendable {
    /// The kinds of the jobs, by id.
    var submitted: [String: String] = [:]
    /// The last updates of the jobs that have ended.
    private(set) var ended: [String: JobUpdate] = [:]
    private var seen: [String: (seq: Int, fraction: Double)] = [:]

    /// Notes an update; returns whether it is news.
    mutating func take(_ update: JobUpdate) -> Bool {
        let before = seen[update.jobID] ?? (0, -1)
        guard (update.seq, update.fraction ?? -1) > before else { return false }
        seen[update.jobID] = (update.seq, update.fraction ?? -1)
        if update.status.isFinal { ended[update.jobID] = update }
        return true
    }

    /// What kind of job an asset comes from.
    func kind(of asset: JSONElement) -> String { submitted[asset["job_id"]?.string ?? ""] ?? "result" }

    /// Whether all that was submitted has ended.
    var isComplete: Bool { !submitted.isEmpty && submitted.keys.allSatisfy { ended[$0] != nil } }
}
