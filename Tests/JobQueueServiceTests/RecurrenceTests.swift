import Cron
import Kernel
import Testing

@testable import JobQueueService

/// Ticks, and which of them are made up for.
@Suite(.timeLimit(.minutes(1))) struct RecurrenceTests {
    static func moment(_ text: String) throws -> Timestamp { try #require(Timestamp("2026-01-01T\(text)Z")) }

    @Test func `equal times are counted from their beginning, however late one asks`() throws {
        let anchor = try Self.moment("00:00:00.250")
        let every = Recurrence.every(.milliseconds(1500), from: anchor)
        #expect(every.next(after: anchor) == (try Self.moment("00:00:01.750")))
        #expect(every.next(after: try Self.moment("00:00:01.750")) == (try Self.moment("00:00:03.250")))
        #expect(every.next(after: try Self.moment("00:00:01.749999")) == (try Self.moment("00:00:01.750")))
        #expect(every.next(after: try Self.moment("09:00:00")) == (try Self.moment("09:00:00.250")))
        #expect(every.next(after: anchor + .seconds(-100)) == (try Self.moment("00:00:01.750")))
    }

    static let missed: [(MissedRuns, String, [String])] = [
        // Due since 00:10, asked at a time: on time, a little late, late, and after all was missed.
        (.skip, "00:10:00", ["00:10"]), (.skip, "00:11:00", ["00:10"]), (.skip, "00:11:01", []),
        (.skip, "01:00:30", ["01:00"]), (.skip, "01:05:00", []),
        (.runOnce, "00:10:00", ["00:10"]), (.runOnce, "00:19:59", ["00:10"]), (.runOnce, "01:05:00", ["01:00"]),
        (.runAll, "00:10:00", ["00:10"]), (.runAll, "00:35:00", ["00:10", "00:20", "00:30"]),
        (.runAll, "01:00:00", ["00:10", "00:20", "00:30", "00:40", "00:50", "01:00"]),
    ]

    @Test(arguments: missed)
    func `what was missed is made up for as wanted`(policy: MissedRuns, now: String, ticks: [String]) throws {
        let first = try Self.moment("00:10:00")
        for rule in [
            Recurrence.cron(try CronExpression("*/10 * * * *"), .utc),
            .every(.seconds(600), from: try Self.moment("00:00:00")),
        ] {
            let due = policy.ticks(of: rule, from: first, at: try Self.moment(now))
            #expect(due == (try ticks.map { try Self.moment("\($0):00") }))
        }
    }

    @Test func `of very many the last hundred are made up for, at once`() throws {
        let first = try Self.moment("00:00:01")
        let now = first + .seconds(90 * 86_400)
        for rule in [
            Recurrence.cron(try CronExpression("* * * * * *"), .utc), .every(.seconds(1), from: first + .seconds(-1)),
        ] {
            let due = MissedRuns.runAll.ticks(of: rule, from: first, at: now)
            #expect(due == (0..<100).map { now + .seconds($0 - 99) })
        }
        // Sparse ones are all found, however far back.
        let yearly = Recurrence.cron(try CronExpression("@yearly"), .utc)
        let old = try #require(Timestamp("1990-01-01T00:00:00Z"))
        #expect(MissedRuns.runAll.ticks(of: yearly, from: old, at: now).count == 37)
    }
}
