import Cron
import Foundation
import Kernel
import Testing

/// Zones as the system's files have them.
@Suite(.timeLimit(.minutes(1))) struct ZoneTests {
    @Test func `all zones of the system are read as Foundation reads its own`() throws {
        let database = ZoneDatabase()
        let table = try String(contentsOfFile: "/usr/share/zoneinfo/tzdata.zi", encoding: .utf8)
        let names = table.split(separator: "\n").filter { $0.hasPrefix("Z ") }
            .map { String($0.split(separator: " ")[1]) }
        #expect(names.count > 300)
        // Every 1000 hours or so from 1980 to 2100, never on the hour; earlier times the sources tell differently.
        let moments = stride(from: Int64(315_619_201), to: 4_102_444_800, by: 3_599_983).map { $0 }
        var wrong: [String] = []
        for name in names {
            let zone = try database.zone(name)
            let expected = try #require(TimeZone(identifier: name))
            let isWrong = moments.contains { moment in
                let date = Date(timeIntervalSince1970: Double(moment))
                let offset = zone.offset(at: Timestamp(microseconds: moment * 1_000_000))
                return offset != Int64(expected.secondsFromGMT(for: date))
            }
            if isWrong { wrong.append(name) }
        }
        // Foundation brings its own data, which is a few decrees older or newer than the system's.
        #expect(wrong.count <= 5, "\(wrong)")
    }

    @Test(arguments: [
        "", "Europe", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "Europe//Berlin", "right/Europe/Berlin",
        "posix/Europe/Berlin", "localtime", "zone.tab", "tzdata.zi", "leapseconds", "Europe/Berlin\0", "europe/berlin",
        String(repeating: "a", count: 65),
    ])
    func `what is no zone is refused`(name: String) {
        #expect(throws: ZoneError.self) { try ZoneDatabase().zone(name) }
    }

    @Test func `without the system's files there is UTC, and the others say what is missing`() throws {
        let database = ZoneDatabase(folder: "/nowhere")
        #expect(try database.zone("UTC") == .utc)
        let error = #expect(throws: ZoneError.self) { try database.zone("Europe/Berlin") }
        #expect(error == .noDatabase)
        #expect(error?.description.contains("tzdata") == true)
    }

    /// A file without a table: only its last line speaks.
    static func file(rule: String, version: UInt8 = UInt8(ascii: "2"), leaps: UInt8 = 0) -> [UInt8] {
        let block: [UInt8] =
            Array("TZif".utf8) + [version] + Array(repeating: 0, count: 15)
            + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, leaps, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4] + [0, 0, 0, 0, 0, 0]
            + Array("UTC\0".utf8) + Array(repeating: 0, count: Int(leaps) * 8)
        let second = block + Array(repeating: 0, count: Int(leaps) * 4)
        return block + second + Array("\n\(rule)\n".utf8)
    }

    static let rules: [(String, [(String, Int64)])] = [
        ("EST5", [("2026-07-01T00:00:00Z", -18_000)]),
        ("<+0330>-3:30", [("2026-07-01T00:00:00Z", 12_600)]),
        (
            "CET-1CEST,M3.5.0,M10.5.0/3",
            [
                ("2026-03-29T00:59:59Z", 3600), ("2026-03-29T01:00:00Z", 7200), ("2026-10-25T00:59:59Z", 7200),
                ("2026-10-25T01:00:00Z", 3600), ("5000-07-01T00:00:00Z", 7200),
            ]
        ),
        // The south, where summer lies around the turn of the year.
        (
            "AEST-10AEDT,M10.1.0,M4.1.0/3",
            [("2026-01-01T00:00:00Z", 39_600), ("2026-07-01T00:00:00Z", 36_000), ("2025-12-31T23:59:59Z", 39_600)]
        ),
        // Days by number: with and without February 29.
        ("AAA0BBB,J60/0,J300/0", [("2028-02-29T12:00:00Z", 0), ("2028-03-01T00:00:00Z", 3600)]),
        ("AAA0BBB,59/0,299/0", [("2028-02-28T12:00:00Z", 0), ("2028-02-29T00:00:00Z", 3600)]),
        // Hours before and after the day, and summer time all year.
        (
            "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
            [("2026-03-29T00:59:59Z", -7200), ("2026-03-29T01:00:00Z", -3600)]
        ),
        ("ART3ARST4,0/0,J365/23", [("2026-01-01T04:30:00Z", -14_400), ("2026-12-31T23:59:59Z", -14_400)]),
    ]

    @Test(arguments: rules)
    func `the rule for years to come is read`(rule: String, offsets: [(String, Int64)]) throws {
        let zone = try Zone(name: "X", file: ZoneTests.file(rule: rule))
        for (moment, offset) in offsets {
            let at = try #require(Timestamp(moment))
            #expect(zone.offset(at: at) == offset, "\(moment)")
        }
    }

    @Test(arguments: [
        "E5", "EST", "EST25", "EST5EDT", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.0",
        "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J5", "EST5EDT,366,1", "EST5EDT,M3.2.0/168,M11.1.0", "EST5x", "<>5",
        "<+03",
    ])
    func `a rule that is none is refused`(rule: String) {
        #expect(throws: ZoneError.unreadable) { try Zone(name: "X", file: ZoneTests.file(rule: rule)) }
    }

    @Test func `files of another make are refused`() throws {
        let good = ZoneTests.file(rule: "EST5")
        _ = try Zone(name: "X", file: good)
        #expect(throws: ZoneError.unreadable) { try Zone(name: "X", file: ZoneTests.file(rule: "EST5", version: 0)) }
        #expect(throws: ZoneError.unreadable) { try Zone(name: "X", file: ZoneTests.file(rule: "EST5", leaps: 1)) }
        for length in 0..<good.count {
            #expect(throws: ZoneError.unreadable) { try Zone(name: "X", file: Array(good.prefix(length))) }
        }
    }
}
