import Kernel
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_772_357_400_125_000, "2026-03-01T09:30:00.125Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (-1_000, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999_000, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)]
    )
    func `writes and reads RFC 3339`(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test func `takes zones and fractions of a second`() {
        #expect(Timestamp("2026-03-01T11:30:00+02:00") == Timestamp("2026-03-01T09:30:00Z"))
        #expect(Timestamp("2026-03-01T09:30:00.1Z")?.microseconds == 1_772_357_400_100_000)
        #expect(Timestamp("2026-03-01T09:30:00.123456789Z")?.microseconds == 1_772_357_400_123_456)
    }

    @Test(arguments: [
        "", "2026-03-01", "2026-03-01T09:30:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T09:30:00.Z", "2026-03-01T09:30:00Z ", "2026-03-01 09:30:00Z", "2026-03-01T09:30:00+2:00",
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    ])
    func `refuses what is not RFC 3339`(text: String) { #expect(Timestamp(text) == nil) }

    @Test func `writes moments beyond the years of RFC 3339 as the first and the last`() {
        #expect(Timestamp(microseconds: .min).description == "0000-01-01T00:00:00.000Z")
        #expect(Timestamp(microseconds: .max).description == "9999-12-31T23:59:59.999Z")
    }

    @Test func `adds and subtracts durations`() {
        let moment = Timestamp(microseconds: 5_000_000)
        #expect(moment + .seconds(2) - moment == .seconds(2))
        #expect(moment + .milliseconds(-1) < moment)
    }
}
