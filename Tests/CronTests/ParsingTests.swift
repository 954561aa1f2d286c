import Cron
import Kernel
import Testing

/// What is an expression, what is none, and what each means.
@Suite(.timeLimit(.minutes(1))) struct ParsingTests {
    /// An expression, and the first moments after 2026-01-01T00:00:00Z (a Thursday) at which it is due.
    static let meanings: [(String, [String])] = [
        ("* * * * *", ["01-01T00:01:00", "01-01T00:02:00"]),
        ("*/15 * * * *", ["01-01T00:15:00", "01-01T00:30:00"]),
        ("5/20 * * * *", ["01-01T00:05:00", "01-01T00:25:00", "01-01T00:45:00", "01-01T01:05:00"]),
        ("59/1 * * * *", ["01-01T00:59:00", "01-01T01:59:00"]),
        ("10-20/5,50 3 * * *", ["01-01T03:10:00", "01-01T03:15:00", "01-01T03:20:00", "01-01T03:50:00"]),
        ("0 9 * * mon-fri", ["01-01T09:00:00", "01-02T09:00:00", "01-05T09:00:00"]),
        ("0 9 * * 1-5", ["01-01T09:00:00", "01-02T09:00:00", "01-05T09:00:00"]),
        ("0 0 * * 0", ["01-04T00:00:00", "01-11T00:00:00"]), ("0 0 * * 7", ["01-04T00:00:00", "01-11T00:00:00"]),
        ("0 0 * * sat-sun", ["01-03T00:00:00", "01-04T00:00:00", "01-10T00:00:00"]),
        ("0 0 * * 5-7", ["01-02T00:00:00", "01-03T00:00:00", "01-04T00:00:00", "01-09T00:00:00"]),
        ("0 0 1 JAN,Jul *", ["07-01T00:00:00"]), ("0 0 1 1-12/3 *", ["04-01T00:00:00", "07-01T00:00:00"]),
        // Either of two limited days suffices; with one that begins with * both must fit.
        ("0 0 13 * fri", ["01-02T00:00:00", "01-09T00:00:00", "01-13T00:00:00", "01-16T00:00:00"]),
        ("0 0 */2 * mon", ["01-05T00:00:00", "01-19T00:00:00", "02-09T00:00:00"]),
        ("0 0 1-7 * */6", ["01-03T00:00:00", "01-04T00:00:00", "02-01T00:00:00"]),
        ("0 0 ? * mon", ["01-05T00:00:00", "01-12T00:00:00"]),
        ("0 0 15 * ?", ["01-15T00:00:00", "02-15T00:00:00"]),
        ("0 0 L * *", ["01-31T00:00:00", "02-28T00:00:00", "03-31T00:00:00"]),
        ("0 0 L-2,1 * *", ["01-29T00:00:00", "02-01T00:00:00", "02-26T00:00:00"]),
        ("0 0 * * friL", ["01-30T00:00:00", "02-27T00:00:00"]), ("0 0 * * 5L", ["01-30T00:00:00", "02-27T00:00:00"]),
        ("0 0 * * fri#2", ["01-09T00:00:00", "02-13T00:00:00"]),
        ("0 0 * * 7#1,tue#3", ["01-04T00:00:00", "01-20T00:00:00", "02-01T00:00:00"]),
        ("0 0 * * thu#5", ["01-29T00:00:00", "04-30T00:00:00"]),
        ("*/20 0 * * * *", ["01-01T00:00:20", "01-01T00:00:40", "01-01T01:00:00"]),
        ("30 59 23 31 12 *", ["12-31T23:59:30"]), (" 0\t 1  * * * ", ["01-01T01:00:00", "01-02T01:00:00"]),
        ("@hourly", ["01-01T01:00:00"]), ("@Daily", ["01-02T00:00:00"]), ("@midnight", ["01-02T00:00:00"]),
        ("@weekly", ["01-04T00:00:00"]), ("@monthly", ["02-01T00:00:00"]),
    ]

    @Test(arguments: meanings)
    func `means the moments that its field says`(text: String, due: [String]) throws {
        let expression = try CronExpression(text)
        var moment = try #require(Timestamp("2026-01-01T00:00:00Z"))
        for expected in due {
            moment = try #require(expression.next(after: moment, in: .utc))
            #expect(moment.description == "2026-\(expected).000Z")
        }
        #expect(try CronExpression(expression.description) == expression)
    }

    @Test func `is due on the whole second after a moment between two`() throws {
        let expression = try CronExpression("* * * * * *")
        let moment = try #require(Timestamp("2026-01-01T00:00:00.999999Z"))
        #expect(expression.next(after: moment, in: .utc) == Timestamp("2026-01-01T00:00:01Z"))
        let before = try #require(Timestamp("1969-12-31T23:59:58.5Z"))
        #expect(expression.next(after: before, in: .utc) == Timestamp("1969-12-31T23:59:59Z"))
    }

    @Test func `rare days are found, however far`() throws {
        let sundays = try CronExpression("0 0 ? 2 sun#5")
        let first = try #require(sundays.next(after: Timestamp(microseconds: 0), in: .utc))
        #expect(first.description == "1976-02-29T00:00:00.000Z")
        // The longest way: 2100 has no February 29.
        let last = try #require(Timestamp("2088-03-01T00:00:00Z"))
        #expect(sundays.next(after: last, in: .utc)?.description == "2128-02-29T00:00:00.000Z")
    }

    @Test func `nothing is due after the year 9999`() throws {
        let end = try #require(Timestamp("9999-12-30T23:59:59Z"))
        #expect(try CronExpression("0 0 1 1 *").next(after: end, in: .utc) == nil)
    }

    static let mistakes: [(String, String)] = [
        ("", "has 0 fields: it needs 5, or 6 with the second as the first"),
        ("* * * *", "has 4 fields: it needs 5, or 6 with the second as the first"),
        ("* * * * * * *", "has 7 fields: it needs 5, or 6 with the second as the first"),
        ("60 * * * *", "minute, at character 1: must be from 0 to 59"),
        ("0 24 * * *", "hour, at character 3: must be from 0 to 23"),
        ("0 0 0 * *", "day of month, at character 5: must be from 1 to 31"),
        ("0 0 32 * *", "day of month, at character 5: must be from 1 to 31"),
        ("0 0 * 13 *", "month, at character 7: must be from 1 to 12, or from jan to dec"),
        ("0 0 * foo *", "month, at character 7: must be from 1 to 12, or from jan to dec"),
        ("0 0 * * 8", "day of week, at character 9: must be from 0 to 7, or from sun to sat"),
        ("0 0 * * mon,tux", "day of week, at character 13: must be from 0 to 7, or from sun to sat"),
        ("0 0 * * monday", "day of week, at character 12: is not understood from here"),
        ("60 0 0 * * *", "second, at character 1: must be from 0 to 59"),
        ("*/0 * * * *", "minute, at character 3: a step must be at least 1"),
        ("*/60 * * * *", "minute, at character 3: the step is wider than its range, so it would never be taken"),
        ("0 10-12/3 * * *", "hour, at character 9: the step is wider than its range, so it would never be taken"),
        ("30-10 * * * *", "minute, at character 1: the range ends before it begins"),
        ("0 0 * * fri-mon", "day of week, at character 9: the range ends before it begins"),
        ("1,,2 * * * *", "minute, at character 3: must be from 0 to 59"),
        ("1, * * * *", "minute, at character 3: ends too soon"),
        ("1- * * * *", "minute, at character 3: ends too soon"),
        ("*/ * * * *", "minute, at character 3: ends too soon"),
        ("-1 * * * *", "minute, at character 1: must be from 0 to 59"),
        ("*5 * * * *", "minute, at character 2: is not understood from here"),
        ("1.5 * * * *", "minute, at character 2: is not understood from here"),
        ("? * * * *", "minute, at character 1: must be from 0 to 59"),
        ("L * * * *", "minute, at character 1: must be from 0 to 59"),
        ("99999999999999999999 * * * *", "minute, at character 1: the number is too large"),
        ("0 0 L-31 * *", "day of month, at character 7: must be from 1 to 30"),
        ("0 0 15W * *", "day of month, at character 7: is not understood from here"),
        ("0 0 * * L", "day of week, at character 9: must be from 0 to 7, or from sun to sat"),
        ("0 0 * * fri#6", "day of week, at character 13: must be from 1 to 5"),
        ("0 0 * * 7/2", "day of week, at character 9: must be up to 6 here"),
        ("é * * * *", "minute, at character 1: must be from 0 to 59"),
        ("0 0 30 2 *", "day of month, at character 5: names a date that never comes"),
        ("0 0 31 2,4,6,9,11 *", "day of month, at character 5: names a date that never comes"),
        ("0 0 L-30 4 *", "day of month, at character 5: names a date that never comes"),
        (
            "@reboot",
            "is not one of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly"
        ),
        (String(repeating: "1", count: 201), "must have at most 200 characters"),
    ]

    @Test(arguments: mistakes)
    func `says which field is wrong, where and why`(text: String, message: String) {
        let error = #expect(throws: CronError.self) { try CronExpression(text) }
        #expect(error?.description == message)
    }

    @Test func `a date that comes every other year only is a date`() throws {
        let leap = try CronExpression("0 0 29 2 *")
        let now = try #require(Timestamp("2026-01-01T00:00:00Z"))
        #expect(leap.next(after: now, in: .utc) == Timestamp("2028-02-29T00:00:00Z"))
    }
}
