public import Kernel

/// What the clocks of a place show: a sequence of spans, each with one distance from UTC.
public struct Zone: Sendable, Hashable {
    /// The time between two shifts of the clocks.
    struct Span: Sendable, Hashable {
        /// Seconds since 1970; `nil` for the first.
        let start: Int64?
        /// Seconds since 1970, exclusive; `nil` for the last.
        let end: Int64?
        /// Seconds east of UTC.
        let offset: Int64
        /// The same in the span before.
        let offsetBefore: Int64
    }

    /// A shift of the clocks.
    struct Shift: Sendable, Hashable {
        /// Seconds since 1970.
        let instant: Int64
        /// Seconds east of UTC from then on.
        let offset: Int64
    }

    /// Its IANA name.
    public let name: String
    /// The distance before the first shift.
    private let initialOffset: Int64
    private let shifts: [Shift]
    /// What holds after the last shift.
    private let rule: ZoneRule?

    /// Universal time, which needs no database.
    public static let utc = Zone(name: "UTC", initialOffset: 0, shifts: [], rule: nil)

    init(name: String, initialOffset: Int64, shifts: [Shift], rule: ZoneRule?) {
        self.name = name
        self.initialOffset = shifts.isEmpty ? rule?.standard ?? initialOffset : initialOffset
        self.shifts = shifts
        self.rule = rule
    }

    /// Seconds east of UTC at a moment.
    public func offset(at moment: Timestamp) -> Int64 { span(at: moment.seconds).offset }

    func span(at instant: Int64) -> Span {
        if instant < shifts.last?.instant ?? .min { return Zone.span(at: instant, shifts, initialOffset) }
        let known = shifts.suffix(2)
        let later = rule?.shifts(around: instant) ?? []
        let base = shifts.count > 2 ? shifts[shifts.count - 3].offset : initialOffset
        return Zone.span(at: instant, known + later.filter { $0.instant > known.last?.instant ?? .min }, base)
    }

    private static func span(at instant: Int64, _ shifts: some RandomAccessCollection<Shift>, _ initial: Int64) -> Span
    {
        // The first shift that is still to come.
        var low = shifts.startIndex
        var high = shifts.endIndex
        while low < high {
            let middle = shifts.index(low, offsetBy: shifts.distance(from: low, to: high) / 2)
            if shifts[middle].instant <= instant { low = shifts.index(after: middle) } else { high = middle }
        }
        let passed = shifts[..<low].suffix(2)
        let last = passed.last
        return Span(
            start: last?.instant,
            end: low < shifts.endIndex ? shifts[low].instant : nil,
            offset: last?.offset ?? initial,
            offsetBefore: passed.count == 2 ? passed.first?.offset ?? initial : initial
        )
    }
}
