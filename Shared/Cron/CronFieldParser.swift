/// Reads one field: a list of values, ranges and steps.
///
/// ```
/// field  = item { "," item }
/// item   = ( "*" | value [ "-" value ] ) [ "/" step ]
/// value  = number | name
/// ```
///
/// and alone or in a list: in the day of the month `L` and `L-3`, in the day of the week `fri#2`, `5#2`, `friL` and `5L`;
/// in both `?` for `*`.
struct CronFieldParser {
    private let field: CronField
    /// The expression in lower case.
    private let text: [UInt8]
    private let end: Int
    private var place: Int
    private var set = CronSet()

    private init(_ field: CronField, _ text: [UInt8], _ range: Range<Int>) {
        self.field = field
        self.text = text
        place = range.lowerBound
        end = range.upperBound
    }

    static func parse(_ field: CronField, _ text: [UInt8], _ range: Range<Int>) throws(CronError) -> CronSet {
        var parser = CronFieldParser(field, text, range)
        parser.set.isStarred = [UInt8(ascii: "*"), UInt8(ascii: "?")].contains(text[range.lowerBound])
        repeat { try parser.item() } while parser.skip(",")
        guard parser.place == parser.end else { throw parser.error("is not understood from here") }
        return parser.set
    }

    private mutating func item() throws(CronError) {
        let start = place
        if skip("*") { return try steps(field.range, start) }
        if field == .day || field == .weekday, skip("?") { return insert(field.range, by: 1) }
        if field == .day, skip("l") { return try daysFromEnd() }
        let (low, _) = try value()
        if field == .weekday, skip("#") { return try ordinal(of: low) }
        if field == .weekday, skip("l") {
            set.fromEnd |= 1 << UInt64(low % 7)
            return
        }
        guard skip("-") else {
            if place < end, text[place] == UInt8(ascii: "/") {
                guard low <= field.range.upperBound else {
                    throw error("must be up to \(field.range.upperBound) here", start)
                }
                return try steps(low...field.range.upperBound, start)
            }
            return insert(low...low, by: 1)
        }
        var (high, isName) = try value()
        // A week may end with Sunday.
        if field == .weekday, isName, high == 0 { high = 7 }
        guard low <= high else { throw error("the range ends before it begins", start) }
        try steps(low...high, start)
    }

    /// `L`, the last day, or `L-3`, three days before it.
    private mutating func daysFromEnd() throws(CronError) {
        var days = 0
        if skip("-") {
            let start = place
            days = try number()
            guard (1...30).contains(days) else { throw error("must be from 1 to 30", start) }
        }
        set.fromEnd |= 1 << UInt64(days)
    }

    /// `#2`: the second of its month.
    private mutating func ordinal(of weekday: Int) throws(CronError) {
        let start = place
        let count = try number()
        guard (1...5).contains(count) else { throw error("must be from 1 to 5", start) }
        set.ordinals |= 1 << UInt64(weekday % 7 * 8 + count)
    }

    private mutating func steps(_ range: ClosedRange<Int>, _ start: Int) throws(CronError) {
        guard skip("/") else { return insert(range, by: 1) }
        let place = place
        let step = try number()
        guard step >= 1 else { throw error("a step must be at least 1", place) }
        guard step == 1 || step <= range.upperBound - range.lowerBound else {
            throw error("the step is wider than its range, so it would never be taken", place)
        }
        insert(range, by: step)
    }

    private mutating func insert(_ range: ClosedRange<Int>, by step: Int) {
        for value in stride(from: range.lowerBound, through: range.upperBound, by: step) {
            set.values |= 1 << UInt64(field == .weekday ? value % 7 : value)
        }
    }

    private mutating func value() throws(CronError) -> (value: Int, isName: Bool) {
        let start = place
        if place < end, isLetter(text[place]) {
            let word = String(decoding: text[place..<end].prefix { isLetter($0) }.prefix(3), as: UTF8.self)
            guard let index = field.names.firstIndex(of: word) else { throw error(wanted, start) }
            place += word.utf8.count
            return (field.range.lowerBound + index, true)
        }
        let number = try number()
        guard (field.range.lowerBound...field.written).contains(number) else { throw error(wanted, start) }
        return (number, false)
    }

    private mutating func number() throws(CronError) -> Int {
        let start = place
        var number = 0
        while place < end, case UInt8(ascii: "0")...UInt8(ascii: "9") = text[place] {
            number = number * 10 + Int(text[place] - UInt8(ascii: "0"))
            place += 1
            guard number < 10_000 else { throw error("the number is too large", start) }
        }
        guard place > start else { throw error(start == end ? "ends too soon" : wanted, start) }
        return number
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard place < end, text[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private var wanted: String {
        let numbers = "must be from \(field.range.lowerBound) to \(field.written)"
        guard let first = field.names.first, let last = field.names.last else { return numbers }
        return "\(numbers), or from \(first) to \(last)"
    }

    private func error(_ message: String, _ place: Int? = nil) -> CronError {
        CronError(message, field, at: place ?? self.place)
    }
}
