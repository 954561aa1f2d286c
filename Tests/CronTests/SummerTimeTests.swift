import Cron
import Kernel
import Testing

/// Days on which clocks are set forward or back.
@Suite(.timeLimit(.minutes(1))) struct SummerTimeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let zone: String
        let expression: String
        let after: String
        let due: [String]

        var testDescription: String { "\(expression) in \(zone) after \(after)" }
    }

    static let cases: [Case] = [
        // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST at 01:00Z.
        Case(
            zone: "Europe/Berlin",
            expression: "30 2 * * *",
            after: "2026-03-28T00:00:00Z",
            due: ["2026-03-28T01:30:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]
        ),
        // However many are skipped, the shift is one.
        Case(
            zone: "Europe/Berlin",
            expression: "0,10,20 2 * * *",
            after: "2026-03-29T00:00:00Z",
            due: ["2026-03-29T01:00:00.000Z", "2026-03-30T00:00:00.000Z", "2026-03-30T00:10:00.000Z"]
        ),
        // A time that is skipped and the shift itself are one.
        Case(
            zone: "Europe/Berlin",
            expression: "0 2,3 * * *",
            after: "2026-03-29T00:00:00Z",
            due: ["2026-03-29T01:00:00.000Z", "2026-03-30T00:00:00.000Z", "2026-03-30T01:00:00.000Z"]
        ),
        // Every hour goes on with the next hour, every ten minutes with the next ten minutes.
        Case(
            zone: "Europe/Berlin",
            expression: "15 * * * *",
            after: "2026-03-28T23:30:00Z",
            due: ["2026-03-29T00:15:00.000Z", "2026-03-29T01:15:00.000Z", "2026-03-29T02:15:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "*/30 * * * *",
            after: "2026-03-29T00:15:00Z",
            due: ["2026-03-29T00:30:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-29T01:30:00.000Z"]
        ),
        // Every other hour loses none.
        Case(
            zone: "Europe/Berlin",
            expression: "0 */2 * * *",
            after: "2026-03-28T22:30:00Z",
            due: ["2026-03-28T23:00:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-29T02:00:00.000Z"]
        ),
        // Berlin, 2026-10-25: 03:00 CEST becomes 02:00 CET at 01:00Z. 02:30 comes at 00:30Z and at 01:30Z.
        Case(
            zone: "Europe/Berlin",
            expression: "30 2 * * *",
            after: "2026-10-24T12:00:00Z",
            due: ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]
        ),
        // Asked for between the two.
        Case(
            zone: "Europe/Berlin",
            expression: "30 2 * * *",
            after: "2026-10-25T01:00:00Z",
            due: ["2026-10-26T01:30:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "0 3 * * *",
            after: "2026-10-24T12:00:00Z",
            due: ["2026-10-25T02:00:00.000Z", "2026-10-26T02:00:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "30 * * * *",
            after: "2026-10-24T23:45:00Z",
            due: ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-10-25T02:30:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "30 0-23 * * *",
            after: "2026-10-24T23:45:00Z",
            due: ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-10-25T02:30:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "*/30 2 * * *",
            after: "2026-10-24T12:00:00Z",
            due: [
                "2026-10-25T00:00:00.000Z", "2026-10-25T00:30:00.000Z", "2026-10-25T01:00:00.000Z",
                "2026-10-25T01:30:00.000Z", "2026-10-26T01:00:00.000Z",
            ]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "*/30 2 * * *",
            after: "2026-03-28T12:00:00Z",
            due: ["2026-03-29T01:00:00.000Z", "2026-03-30T00:00:00.000Z"]
        ),
        // New York, 2026-03-08 07:00Z forward, 2026-11-01 06:00Z back.
        Case(
            zone: "America/New_York",
            expression: "15 2 * * *",
            after: "2026-03-07T12:00:00Z",
            due: ["2026-03-08T07:00:00.000Z", "2026-03-09T06:15:00.000Z"]
        ),
        Case(
            zone: "America/New_York",
            expression: "59 1 * * *",
            after: "2026-10-31T12:00:00Z",
            due: ["2026-11-01T05:59:00.000Z", "2026-11-02T06:59:00.000Z"]
        ),
        Case(
            zone: "America/New_York",
            expression: "0 0 * * sun",
            after: "2026-10-31T12:00:00Z",
            due: ["2026-11-01T04:00:00.000Z", "2026-11-08T05:00:00.000Z"]
        ),
        // Lord Howe moves by half an hour: 2026-10-03T15:30Z from 02:00 to 02:30, 2026-04-04T15:00Z from 02:00 to 01:30.
        Case(
            zone: "Australia/Lord_Howe",
            expression: "10 2 * * *",
            after: "2026-10-03T12:00:00Z",
            due: ["2026-10-03T15:30:00.000Z", "2026-10-04T15:10:00.000Z"]
        ),
        Case(
            zone: "Australia/Lord_Howe",
            expression: "30 2 * * *",
            after: "2026-10-03T12:00:00Z",
            due: ["2026-10-03T15:30:00.000Z", "2026-10-04T15:30:00.000Z"]
        ),
        Case(
            zone: "Australia/Lord_Howe",
            expression: "45 1 * * *",
            after: "2026-04-04T12:00:00Z",
            due: ["2026-04-04T14:45:00.000Z", "2026-04-05T15:15:00.000Z"]
        ),
        Case(
            zone: "Australia/Lord_Howe",
            expression: "*/15 * * * *",
            after: "2026-04-04T14:30:00Z",
            due: [
                "2026-04-04T14:45:00.000Z", "2026-04-04T15:00:00.000Z", "2026-04-04T15:15:00.000Z",
                "2026-04-04T15:30:00.000Z",
            ]
        ),
        // A whole day that never was: Samoa skipped 2011-12-30.
        Case(
            zone: "Pacific/Apia",
            expression: "0 12 30 12 *",
            after: "2011-12-01T00:00:00Z",
            due: ["2011-12-30T10:00:00.000Z", "2012-12-29T22:00:00.000Z"]
        ),
        // A midnight that never was, and years beyond the table of the file.
        Case(
            zone: "America/Santiago",
            expression: "0 0 * * *",
            after: "2026-09-05T12:00:00Z",
            due: ["2026-09-06T04:00:00.000Z", "2026-09-07T03:00:00.000Z"]
        ),
        Case(
            zone: "Europe/Berlin",
            expression: "30 2 * * *",
            after: "2099-03-28T12:00:00Z",
            due: ["2099-03-29T01:00:00.000Z", "2099-03-30T00:30:00.000Z"]
        ),
    ]

    @Test(arguments: cases)
    func `nothing is lost and nothing is doubled`(test: Case) throws {
        let zone = try ZoneDatabase().zone(test.zone)
        let expression = try CronExpression(test.expression)
        var moment = try #require(Timestamp(test.after))
        var due: [String] = []
        for _ in test.due {
            moment = try #require(expression.next(after: moment, in: zone))
            due.append(moment.description)
        }
        #expect(due == test.due)
    }
}
