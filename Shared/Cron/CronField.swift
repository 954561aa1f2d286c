/// A field of an expression.
enum CronField: String, Sendable, CaseIterable {
    case second
    case minute
    case hour
    case day = "day of month"
    case month
    case weekday = "day of week"

    /// The values it may have. Sunday is 0; 7 is read as Sunday too.
    var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .month: 1...12
        case .weekday: 0...6
        }
    }

    /// The names of its values from the lowest on, in lower case.
    var names: [String] {
        switch self {
        case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        case .weekday: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        default: []
        }
    }

    /// The largest number that may be written.
    var written: Int { self == .weekday ? 7 : range.upperBound }
}

/// What a field allows.
struct CronSet: Sendable, Hashable {
    /// Bit n: the value n.
    var values: UInt64 = 0
    /// Of days: bit n is the day that is n days before the month's last. Of weekdays: bit n is the last n of a month.
    var fromEnd: UInt64 = 0
    /// Of weekdays: bit 8 n + k is the k-th n of a month.
    var ordinals: UInt64 = 0
    /// Whether it begins with `*` or `?`.
    var isStarred = false

    func contains(_ value: Int64) -> Bool { values >> UInt64(value) & 1 == 1 }

    /// The lowest value that is not below `value`.
    func first(from value: Int64) -> Int64? {
        guard value < 64 else { return nil }
        let rest = values >> UInt64(value)
        return rest == 0 ? nil : value + Int64(rest.trailingZeroBitCount)
    }

    /// Whether it allows all values of its field.
    func isFull(_ field: CronField) -> Bool { field.range.allSatisfy { contains(Int64($0)) } }
}
