/// Reads the text of a `ZoneRule`, as POSIX and RFC 9636 define it.
struct ZoneRuleParser {
    private let text: [UInt8]
    private var place = 0

    private init(_ text: [UInt8]) { self.text = text }

    /// `nil` when the text is none.
    static func parse(_ text: [UInt8]) -> ZoneRule? {
        var parser = ZoneRuleParser(text)
        guard let rule = parser.rule(), parser.place == text.count else { return nil }
        return rule
    }

    private mutating func rule() -> ZoneRule? {
        // What is written is how far UTC is ahead.
        guard skipName(), let behind = time(hours: 24) else { return nil }
        if place == text.count { return ZoneRule(standard: -behind, summer: nil) }
        guard skipName() else { return nil }
        var offset = 3600 - behind
        if place < text.count, text[place] != UInt8(ascii: ",") {
            guard let behind = time(hours: 24) else { return nil }
            offset = -behind
        }
        guard skip(","), let start = moment(), skip(","), let end = moment() else { return nil }
        return ZoneRule(standard: -behind, summer: ZoneRule.Summer(offset: offset, start: start, end: end))
    }

    private mutating func moment() -> ZoneRule.Moment? {
        guard let day = day() else { return nil }
        guard skip("/") else { return ZoneRule.Moment(day: day, time: 7200) }
        return time(hours: 167).map { ZoneRule.Moment(day: day, time: $0) }
    }

    private mutating func day() -> ZoneRule.Day? {
        if skip("M") {
            guard let month = number(1...12), skip("."), let count = number(1...5), skip("."),
                let weekday = number(0...6)
            else { return nil }
            return .weekday(month: month, count: count, weekday: weekday)
        }
        if skip("J") { return number(1...365).map { .julian($0) } }
        return number(0...365).map { .index($0) }
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private mutating func time(hours limit: Int64) -> Int64? {
        let sign: Int64 = skip("-") ? -1 : 1
        if sign == 1 { _ = skip("+") }
        guard let hours = number(0...limit) else { return nil }
        var seconds = hours * 3600
        for unit: Int64 in [60, 1] where skip(":") {
            guard let number = number(0...59) else { return nil }
            seconds += number * unit
        }
        return sign * seconds
    }

    /// `CET` or `<+0330>`.
    private mutating func skipName() -> Bool {
        let start = place
        if skip("<") {
            while place < text.count, !skip(">") { place += 1 }
            return place > start + 2 && text[place - 1] == UInt8(ascii: ">")
        }
        while place < text.count, (65...90).contains(text[place] & 0xDF) { place += 1 }
        return place >= start + 3
    }

    private mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
        let digits = text[place...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...3).contains(digits.count) else { return nil }
        place += digits.count
        let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        return range.contains(number) ? number : nil
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard place < text.count, text[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }
}
