public import Kernel

extension CronExpression {
    /// The first due moment after `moment`, by the clocks of `zone`; `nil` when it lies beyond the year 9999.
    public func next(after moment: Timestamp, in zone: Zone) -> Timestamp? {
        var instant = moment.seconds + 1
        var span = zone.span(at: instant)
        while true {
            // At a shift, what the clocks skipped is due.
            if instant == span.start, isDueAtStart(of: span) { return Timestamp(second: instant) }
            var local = instant + span.offset
            if !repeats, let start = span.start { local = max(local, start + span.offsetBefore) }
            let end = span.end.map { $0 + span.offset } ?? CronExpression.lastSecond
            if let due = firstLocal(from: local, before: end) { return Timestamp(second: due - span.offset) }
            guard let shift = span.end, shift < CronExpression.lastSecond else { return nil }
            instant = shift
            span = zone.span(at: shift)
        }
    }

    private func isDueAtStart(of span: Zone.Span) -> Bool {
        guard makesUp, let start = span.start, span.offset > span.offsetBefore else { return false }
        return firstLocal(from: start + span.offsetBefore, before: start + span.offset) != nil
    }

    /// 9999-12-31T00:00:00Z: timestamps end with that year.
    private static let lastSecond: Int64 = 253_402_214_400

    /// The first time that fits, in seconds since 1970 as a clock on the wall counts them.
    func firstLocal(from local: Int64, before end: Int64) -> Int64? {
        var days = local.flooredQuotient(86_400)
        var time = local - days * 86_400
        while days * 86_400 < end {
            let date = CivilDate.date(ofDay: days)
            guard month.contains(date.month) else {
                days += CivilDate.length(ofMonth: date.month, year: date.year) - date.day + 1
                time = 0
                continue
            }
            if contains(date, days), let time = firstTime(from: time) {
                let due = days * 86_400 + time
                return due < end ? due : nil
            }
            days += 1
            time = 0
        }
        return nil
    }

    /// The first time of a day that fits, in seconds.
    private func firstTime(from time: Int64) -> Int64? {
        var hour = time / 3600
        var minute = time / 60 % 60
        var second = time % 60
        while let found = self.hour.first(from: hour) {
            if found > hour { (minute, second) = (0, 0) }
            hour = found
            while let found = self.minute.first(from: minute) {
                if found > minute { second = 0 }
                minute = found
                if let second = self.second.first(from: second) { return hour * 3600 + minute * 60 + second }
                minute += 1
                second = 0
            }
            hour += 1
            (minute, second) = (0, 0)
        }
        return nil
    }

    private func contains(_ date: (year: Int64, month: Int64, day: Int64), _ days: Int64) -> Bool {
        // 1970-01-01 was a Thursday.
        let name = (days + 4) - (days + 4).flooredQuotient(7) * 7
        let left = CivilDate.length(ofMonth: date.month, year: date.year) - date.day
        let fitsDay = day.contains(date.day) || day.fromEnd >> UInt64(left) & 1 == 1
        let fitsWeekday =
            weekday.contains(name) || (left < 7 && weekday.fromEnd >> UInt64(name) & 1 == 1)
            || weekday.ordinals >> UInt64(name * 8 + (date.day + 6) / 7) & 1 == 1
        return day.isStarred || weekday.isStarred ? fitsDay && fitsWeekday : fitsDay || fitsWeekday
    }
}

extension Timestamp {
    init(second: Int64) { self.init(microseconds: second * 1_000_000) }
}
