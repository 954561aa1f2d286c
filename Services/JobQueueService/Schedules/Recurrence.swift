import Cron
import Kernel

/// When a schedule is due: a rule that names ticks without end.
enum Recurrence: Sendable {
    /// By the clocks of a place.
    case cron(CronExpression, Zone)
    /// After equal times, whatever clocks show.
    case every(Duration, from: Timestamp)

    /// The first tick after a moment; `nil` when it lies beyond the year 9999.
    func next(after moment: Timestamp) -> Timestamp? {
        switch self {
        case .cron(let expression, let zone): expression.next(after: moment, in: zone)
        case .every(let period, let anchor):
            moment < anchor
                ? anchor + period
                : anchor
                    + .microseconds(((moment - anchor).microseconds / period.microseconds + 1) * period.microseconds)
        }
    }

    /// The last ticks from `first`, which is one, to `now`: at most `count` of them, in order.
    func last(_ count: Int, from first: Timestamp, through now: Timestamp) -> [Timestamp] {
        // After a long time there may be very many, so it looks back only as far as it must.
        var window = Duration.seconds(60)
        while true {
            let start = now + .microseconds(-window.microseconds)
            let ticks = last(count, after: max(start, first + .microseconds(-1)), through: now)
            if ticks.count == count || start < first { return ticks }
            window *= 4
        }
    }

    private func last(_ count: Int, after start: Timestamp, through now: Timestamp) -> [Timestamp] {
        var ticks: [Timestamp] = []
        var moment = start
        while let tick = next(after: moment), tick <= now {
            ticks.append(tick)
            if ticks.count == 2 * count { ticks.removeFirst(count) }
            moment = tick
        }
        return ticks.suffix(count)
    }
}
