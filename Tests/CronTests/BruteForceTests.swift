import Cron
import Kernel
import TestSupport
import Testing

/// The search against a walk through every minute, with expressions and days chosen at random, the same every time.
@Suite(.timeLimit(.minutes(2))) struct BruteForceTests {
    /// A field written at random, and what it allows.
    struct Field {
        var text = "*"
        var values: Set<Int64> = []
        var isStarred: Bool { text.hasPrefix("*") }
    }

    static func field(_ range: ClosedRange<Int64>, _ random: inout SeededRandom) -> Field {
        var field = Field()
        let starred = Int.random(in: 0..<3, using: &random)
        if starred < 2 {
            let step =
                starred == 0
                ? 1 : Int64.random(in: 1...max(1, (range.upperBound - range.lowerBound) / 3), using: &random)
            field.text = step == 1 ? "*" : "*/\(step)"
            field.values = Set(stride(from: range.lowerBound, through: range.upperBound, by: Int(step)))
            return field
        }
        var items: [String] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let low = Int64.random(in: range, using: &random)
            let high = Int64.random(in: low...range.upperBound, using: &random)
            if Bool.random(using: &random) {
                items.append("\(low)")
                field.values.insert(low)
            } else {
                items.append("\(low)-\(high)")
                field.values.formUnion(low...high)
            }
        }
        field.text = items.joined(separator: ",")
        return field
    }

    struct Clock {
        let minute: Int64
        let hour: Int64
        let day: Int64
        let month: Int64
        let weekday: Int64
    }

    static func clock(_ local: Int64) -> Clock {
        let days = local.flooredQuotient(86_400)
        let (_, month, day) = CivilDate.date(ofDay: days)
        let time = local - days * 86_400
        return Clock(
            minute: time / 60 % 60,
            hour: time / 3600,
            day: day,
            month: month,
            weekday: ((days + 4) % 7 + 7) % 7
        )
    }

    /// A minute of the walk: what the clocks show, and what they skipped on the way to it.
    struct Step {
        let instant: Int64
        let clock: Clock
        let skipped: [Clock]
        /// Whether the clocks have shown it before.
        let isSecond: Bool
    }

    static func walk(from start: Int64, to end: Int64, _ zone: Zone) -> [Step] {
        let local = { (instant: Int64) in instant + zone.offset(at: Timestamp(microseconds: instant * 1_000_000)) }
        // A day before, so that it knows what the clocks have shown.
        var latest = local(start - 86_400)
        var steps: [Step] = []
        for instant in stride(from: start - 86_400 + 60, to: end, by: 60) {
            let now = local(instant)
            let skipped = stride(from: latest + 60, to: now, by: 60).map(clock)
            steps.append(Step(instant: instant, clock: clock(now), skipped: skipped, isSecond: now <= latest))
            latest = max(latest, now)
        }
        return steps.filter { $0.instant > start }
    }

    @Test(arguments: [
        ("Europe/Berlin", "2026-03-25T00:00:00Z"), ("Europe/Berlin", "2026-10-22T00:00:00Z"),
        ("America/New_York", "2026-03-05T00:00:00Z"), ("America/New_York", "2026-10-29T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-02T00:00:00Z"), ("Australia/Lord_Howe", "2026-10-01T00:00:00Z"),
        ("Pacific/Apia", "2011-12-28T00:00:00Z"), ("America/Santiago", "2026-09-03T00:00:00Z"),
        ("Africa/Casablanca", "2026-02-13T00:00:00Z"), ("Asia/Kathmandu", "2026-02-26T00:00:00Z"),
        ("Antarctica/Troll", "2060-03-26T00:00:00Z"),
    ])
    func `finds exactly the minutes that a walk through all of them finds`(name: String, from: String) throws {
        let zone = try ZoneDatabase().zone(name)
        let start = try #require(Timestamp(from)).seconds
        let end = start + 7 * 86_400
        let steps = BruteForceTests.walk(from: start, to: end, zone)
        var random = SeededRandom(42)
        for _ in 0..<100 {
            let minute = BruteForceTests.field(0...59, &random)
            let hour = BruteForceTests.field(0...23, &random)
            let day = BruteForceTests.field(1...31, &random)
            let weekday = BruteForceTests.field(0...6, &random)
            let text = "\(minute.text) \(hour.text) \(day.text) * \(weekday.text)"
            let expression = try CronExpression(text)
            let fits: (Clock) -> Bool = { clock in
                guard minute.values.contains(clock.minute), hour.values.contains(clock.hour) else { return false }
                let fitsDay = day.values.contains(clock.day)
                let fitsWeekday = weekday.values.contains(clock.weekday)
                return day.isStarred || weekday.isStarred ? fitsDay && fitsWeekday : fitsDay || fitsWeekday
            }
            let everyHour = hour.values.count == 24
            let isDueTwice = minute.isStarred || hour.isStarred || everyHour
            let expected = steps.filter { step in
                fits(step.clock) && (!step.isSecond || isDueTwice) || !everyHour && step.skipped.contains(where: fits)
            }

            var found: [Int64] = []
            var moment = Timestamp(microseconds: start * 1_000_000)
            while let next = expression.next(after: moment, in: zone), next.seconds < end {
                found.append(next.seconds)
                moment = next
            }
            #expect(found == expected.map(\.instant), "\(text) in \(name)")
        }
    }
}
