/// A moment in UTC, in microseconds since 1970; written as RFC 3339 with milliseconds and `Z`.
public struct Timestamp: Hashable, Sendable, Comparable, LosslessStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    /// Makes a moment from microseconds since 1970.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The moment in whole seconds since 1970, rounded down.
    public var seconds: Int64 { microseconds.flooredQuotient(1_000_000) }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    /// The moment `duration` later.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: moment.microseconds &+ duration.microseconds)
    }

    /// The time from `earlier` to `later`.
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .microseconds(later.microseconds - earlier.microseconds)
    }

    /// The years that RFC 3339 can write, 0000 to 9999.
    private static let writable = -62_167_219_200_000_000...253_402_300_799_999_999 as ClosedRange<Int64>

    /// `2026-03-01T09:30:00.125Z`; a moment before the year 0000 or after 9999 is written as the first or last one.
    public var description: String {
        let microseconds = min(max(microseconds, Timestamp.writable.lowerBound), Timestamp.writable.upperBound)
        let days = microseconds.flooredQuotient(86_400_000_000)
        let rest = microseconds - days * 86_400_000_000
        let (year, month, day) = CivilDate.date(ofDay: days)
        let second = rest / 1_000_000
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func append(_ value: Int64, digits: Int) {
            var divisor: Int64 = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
                divisor /= 10
            }
        }
        append(year, digits: 4)
        text.append(UInt8(ascii: "-"))
        append(month, digits: 2)
        text.append(UInt8(ascii: "-"))
        append(day, digits: 2)
        text.append(UInt8(ascii: "T"))
        append(second / 3600, digits: 2)
        text.append(UInt8(ascii: ":"))
        append(second / 60 % 60, digits: 2)
        text.append(UInt8(ascii: ":"))
        append(second % 60, digits: 2)
        text.append(UInt8(ascii: "."))
        append(rest / 1000 % 1000, digits: 3)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Parses RFC 3339: a `T`, a zone (`Z` or `±hh:mm`), and up to nine digits of a second, of which six are kept.
    /// A moment that its zone puts outside of the years 0000 to 9999 could not be written, and is refused.
    public init?(_ text: String) {
        var reader = DigitReader(Array(text.utf8))
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), reader.skip("T") || reader.skip("t"),
            let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2), reader.skip(":"),
            let second = reader.number(2),
            CivilDate.isValid(year: year, month: month, day: day), hour < 24, minute < 60, second < 60
        else { return nil }
        guard let fraction = reader.microseconds(), let offset = reader.zoneOffset(), reader.isAtEnd else { return nil }
        let days = CivilDate.day(year: year, month: month, day: day)
        let clock = hour * 3600 + minute * 60 + second - offset
        let microseconds = (days * 86_400 + clock) * 1_000_000 + fraction
        guard Timestamp.writable.contains(microseconds) else { return nil }
        self.init(microseconds: microseconds)
    }
}

extension Duration {
    /// The length in whole microseconds; what does not fit is clamped.
    public var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (seconds < 0 ? .min : .max) : whole &+ attoseconds / 1_000_000_000_000
    }

    /// The length in whole milliseconds.
    public var milliseconds: Int64 { microseconds / 1000 }
}

extension Int64 {
    /// Division that rounds towards minus infinity, as calendars need it.
    public func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
