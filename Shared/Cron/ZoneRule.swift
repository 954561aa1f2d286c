import Kernel

/// How clocks are set in all years to come: the `TZ` text that ends a zone's file, such as
/// `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule: Sendable, Hashable {
    /// A day of every year.
    enum Day: Sendable, Hashable {
        /// The n-th weekday of a month; the fifth is the last.
        case weekday(month: Int64, count: Int64, weekday: Int64)
        /// 1 to 365: February 29 is not counted.
        case julian(Int64)
        /// 0 to 365: February 29 is counted.
        case index(Int64)
    }

    /// A moment of every year: seconds after the day's midnight, in the time before it.
    struct Moment: Sendable, Hashable {
        let day: Day
        let time: Int64
    }

    /// Seconds east of UTC.
    let standard: Int64
    /// The other time, and from when to when it holds.
    let summer: Summer?

    /// A second time of the year.
    struct Summer: Sendable, Hashable {
        let offset: Int64
        let start: Moment
        let end: Moment
    }

    /// The shifts of the year of `instant` and of the years beside it, in order.
    func shifts(around instant: Int64) -> [Zone.Shift] {
        guard let summer else { return [] }
        let year = CivilDate.date(ofDay: instant.flooredQuotient(86_400)).year
        var shifts: [Zone.Shift] = []
        for year in (year - 1)...(year + 1) {
            let pair = [
                Zone.Shift(instant: second(of: summer.start, in: year) - standard, offset: summer.offset),
                Zone.Shift(instant: second(of: summer.end, in: year) - summer.offset, offset: standard),
            ]
            // In the south, summer ends before it begins.
            for shift in pair.sorted(by: { $0.instant < $1.instant }) {
                // Of two at the same moment, where summer never ends, the later year's holds.
                while let last = shifts.last, last.instant >= shift.instant { shifts.removeLast() }
                shifts.append(shift)
            }
        }
        return shifts
    }

    private func second(of moment: Moment, in year: Int64) -> Int64 {
        let days: Int64
        switch moment.day {
        case .weekday(let month, let count, let weekday):
            let first = CivilDate.day(year: year, month: month, day: 1)
            let name = (first + 4) - (first + 4).flooredQuotient(7) * 7
            var day = (weekday - name + 7) % 7 + (count - 1) * 7
            if day >= CivilDate.length(ofMonth: month, year: year) { day -= 7 }
            days = first + day
        case .julian(let number):
            let isLeap = CivilDate.length(ofMonth: 2, year: year) == 29
            days = CivilDate.day(year: year, month: 1, day: 1) + number - (isLeap && number >= 60 ? 0 : 1)
        case .index(let number): days = CivilDate.day(year: year, month: 1, day: 1) + number
        }
        return days * 86_400 + moment.time
    }
}
