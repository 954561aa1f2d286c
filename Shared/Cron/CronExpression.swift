import Kernel

/// Times that come again and again, as cron writes them: `0 9 * * mon-fri`.
///
/// Five fields: minute, hour, day of the month, month, day of the week; with six the first is the second. Lists `1,2`,
/// ranges `1-5`, steps `*/5` and `10-40/10` (`5/10` is `5-59/10`), names `jan` and `mon`, in either case; `L` (last day),
/// `L-2`, `friL` (last Friday), `fri#2` (second Friday), `?` for `*` in a day; `@hourly @daily @midnight @weekly @monthly
/// @yearly @annually`.
///
/// **Days.** As in Vixie's cron: when both the day of the month and the day of the week are limited, either suffices; when
/// one of them begins with `*`, both must fit. So `0 0 13 * fri` is every 13th and every Friday.
///
/// **Summer time.** When clocks are set forward, a time that is skipped is due at the shift, once however many were skipped;
/// expressions for every hour go on with the next hour. When they are set back, a time that comes twice is due the first
/// time; expressions whose minute or hour begins with `*`, or that name every hour, are due both times: what is meant to
/// run every ten minutes does so in every real hour.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    let second: CronSet
    let minute: CronSet
    let hour: CronSet
    let day: CronSet
    let month: CronSet
    let weekday: CronSet

    /// The expression in lower case, with one space between fields.
    public let description: String

    private static let nicknames = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// Reads an expression.
    ///
    /// - Throws: `CronError` for the first mistake, also for dates that never come.
    public init(_ expression: String) throws(CronError) {
        let written = Array(expression.utf8).map { (65...90).contains($0) ? $0 + 32 : $0 }
        guard written.count <= CronExpression.maximumLength else {
            throw CronError("must have at most \(CronExpression.maximumLength) characters")
        }
        let ranges = CronExpression.words(of: written)
        let description = ranges.map { String(decoding: written[$0], as: UTF8.self) }.joined(separator: " ")
        if description.hasPrefix("@") {
            guard let meaning = CronExpression.nicknames[description] else {
                throw CronError(
                    "is not one of \(CronExpression.nicknames.keys.sorted().joined(separator: ", "))"
                )
            }
            let text = Array(meaning.utf8)
            self = try CronExpression(description, text, CronExpression.words(of: text))
            return
        }
        guard ranges.count == 5 || ranges.count == 6 else {
            throw CronError("has \(ranges.count) fields: it needs 5, or 6 with the second as the first")
        }
        self = try CronExpression(description, written, ranges)
    }

    /// The longest expression that is read, in bytes.
    public static let maximumLength = 200

    private init(_ description: String, _ text: [UInt8], _ words: [Range<Int>]) throws(CronError) {
        self.description = description
        let fields = words.suffix(5).map { $0 }
        second = words.count == 6 ? try CronFieldParser.parse(.second, text, words[0]) : CronSet(values: 1)
        minute = try CronFieldParser.parse(.minute, text, fields[0])
        hour = try CronFieldParser.parse(.hour, text, fields[1])
        day = try CronFieldParser.parse(.day, text, fields[2])
        month = try CronFieldParser.parse(.month, text, fields[3])
        weekday = try CronFieldParser.parse(.weekday, text, fields[4])
        // The calendar repeats itself after 400 years.
        guard firstLocal(from: 0, before: 400 * 366 * 86_400) != nil else {
            throw CronError("names a date that never comes", .day, at: fields[2].lowerBound)
        }
    }

    private static func words(of text: [UInt8]) -> [Range<Int>] {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        return text.split(whereSeparator: isSpace).map { $0.startIndex..<$0.endIndex }
    }

    /// Whether a time that clocks show twice is due both times.
    var repeats: Bool { minute.isStarred || hour.isStarred || hour.isFull(.hour) }

    /// Whether times that clocks skip are made up for at the shift.
    var makesUp: Bool { !hour.isFull(.hour) }
}
