import Cron
import Kernel

/// When a schedule is due, as it is written down.
struct ScheduleTiming: Sendable, Hashable {
    let cron: String?
    let every: Duration?
    /// An IANA name.
    let timezone: String

    /// The rule itself; equal times are counted from `anchor`.
    ///
    /// - Throws: `CronError` or `ZoneError` for what this program or this system does not know.
    func recurrence(from anchor: Timestamp, _ zones: ZoneDatabase) throws -> Recurrence {
        if let every { return .every(every, from: anchor) }
        return .cron(try CronExpression(cron ?? ""), try zones.zone(timezone))
    }
}
