import JSON
import Kernel
import Postgres

/// A queue as it is now: its limits, and how many jobs it has. One that nobody configured is there while it has jobs.
struct Queue: Sendable, JSONWritable {
    let name: String
    let pausedAt: Timestamp?
    let pausedBy: String?
    let limits: QueueLimits
    /// 0 for one that nobody configured.
    let version: Int
    let changedAt: Timestamp?
    /// Jobs in line.
    let waiting: Int
    /// Jobs that workers have.
    let leased: Int

    init(_ row: Row) throws {
        var reader = row.reader
        name = try reader.next()
        pausedAt = try reader.next()
        pausedBy = try reader.next()
        var limits = QueueLimits()
        limits.concurrency = try reader.next()
        limits.perKeyConcurrency = try reader.next()
        limits.rate = try Rate(&reader)
        limits.perKeyRate = try Rate(&reader)
        limits.weight = try reader.next()
        limits.sharesFairly = try reader.next()
        limits.projectWeights = try reader.next()
        self.limits = limits
        version = try reader.next()
        changedAt = try reader.next()
        waiting = try reader.next()
        leased = try reader.next()
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("name", name)
            $0.member("paused", pausedAt != nil)
            $0.member("paused_at", pausedAt)
            $0.member("paused_by", pausedBy)
            $0.member("concurrency", limits.concurrency)
            $0.member("per_key_concurrency", limits.perKeyConcurrency)
            $0.member("rate", limits.rate)
            $0.member("per_key_rate", limits.perKeyRate)
            $0.member("weight", limits.weight)
            $0.member("fair_share", limits.sharesFairly)
            $0.member("project_weights", limits.projectWeights)
            $0.member("waiting", waiting)
            $0.member("leased", leased)
            $0.member("version", version)
            $0.member("changed_at", changedAt)
        }
    }
}
