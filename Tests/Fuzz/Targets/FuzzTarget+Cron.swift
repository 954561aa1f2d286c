import Cron
import Kernel

extension FuzzTarget {
    /// What is read is due at moments that come one after the other, wherever one begins to look.
    static let cron = FuzzTarget(
        text: "cron",
        [
            "* * * * *", "*/15 2 * * *", "0 9 * * mon-fri", "30 2 29 2 *", "0 0 L-3,1 1-12/2 fri#2,sunL", "@weekly",
            "*/7 1,2 3-5/2 ? * 7", "0 0 31 1,3 *", "59 59 23 31 12 *",
        ]
    ) { text, random in
        let zone = try zone(random.pick(zoneRules) ?? "UTC0")
        let expression: CronExpression
        do throws(CronError) { expression = try CronExpression(text) } catch {
            guard error.position >= 1, error.position <= text.utf8.count + 1 else { throw Broken("\(error.position)") }
            return false
        }
        guard try CronExpression(expression.description) == expression else {
            throw Broken("\(text.debugDescription) is written as \(expression)")
        }
        // From the year 1 to 9999.
        let second = -62_135_596_800 + Int64(random.below(315_537_897_600))
        var moment = Timestamp(microseconds: second * 1_000_000)
        for _ in 0..<5 {
            guard let due = expression.next(after: moment, in: zone) else { return moment.description >= "9950" }
            guard due > moment else { throw Broken("\(expression) is due at \(due) after \(moment)") }
            guard expression.next(after: due + .microseconds(-1), in: zone) == due else {
                throw Broken("\(expression) is due at \(due) only when asked at \(moment)")
            }
            moment = due
        }
        return true
    }

    private static let zoneRules = [
        "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "ART3ARST4,0/0,J365/23",
        "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
    ]

    /// A file without a table of shifts, whose last line says all.
    private static func zoneFile(_ rule: String) -> [UInt8] {
        let block: [UInt8] =
            Array("TZif2".utf8) + Array(repeating: 0, count: 15 + 19) + [1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]
            + Array("UTC\0".utf8)
        return block + block + Array("\n\(rule)\n".utf8)
    }

    private static func zone(_ rule: String) throws -> Zone { try Zone(name: rule, file: zoneFile(rule)) }

    /// Whatever a file says, a zone has one offset at a time, and it is never more than a day or so.
    static let zoneFile = FuzzTarget("zone-file", [], bytes: zoneRules.map { zoneFile($0) }) { input, random in
        let zone: Zone
        do throws(ZoneError) { zone = try Zone(name: "X", file: input) } catch { return false }
        for _ in 0..<5 {
            let moment = Timestamp(microseconds: Int64(bitPattern: random.next()) >> Int64(random.below(20)))
            guard abs(zone.offset(at: moment)) <= 27 * 3600 else {
                throw Broken("\(zone.offset(at: moment)) at \(moment)")
            }
        }
        let expression = try CronExpression("30 2 * * *")
        let moment = Timestamp(microseconds: 1_700_000_000_000_000)
        guard let due = expression.next(after: moment, in: zone), due > moment, due < moment + .seconds(800 * 86_400)
        else {
            throw Broken("daily is not daily")
        }
        return true
    }
}
