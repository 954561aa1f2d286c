import Contracts
import JSON
import Messaging
import Postgres

/// How many jobs there are, by status, queue and kind.
struct JobCounts: Sendable, JSONWritable {
    /// Jobs of one queue and kind, by status.
    struct Tally: Sendable {
        private(set) var statuses: [JobStatus: Int] = [:]

        var total: Int { statuses.values.reduce(0, +) }

        mutating func add(_ count: Int, _ status: JobStatus) { statuses[status, default: 0] += count }
    }

    private(set) var all = Tally()
    private(set) var queues: [String: Tally] = [:]
    private(set) var kinds: [String: Tally] = [:]

    /// Reads them in a transaction that sees one snapshot; `nil` when nothing was counted yet.
    init?(
        project: ProjectID? = nil,
        queue: String? = nil,
        kind: String? = nil,
        in transaction: isolated Transaction
    ) throws {
        guard let place = try JobCounts.place(in: transaction) else { return nil }
        try self.init(
            transaction.query(StatsStatements.counts(behind: place, project: project, queue: queue, kind: kind))
        )
    }

    /// Up to where the log is counted, for a transaction that goes on to read the counts; `nil` when nothing was yet.
    static func place(in transaction: isolated Transaction) throws -> LogPlace? {
        let results = try transaction.query([PlannerStatements.withoutJIT, StatsStatements.place])
        return try results[1].first.map { LogPlace(transaction: try $0.decode(0), row: try $0.decode(1)) }
    }

    private init(_ rows: Rows) throws {
        for row in rows {
            var reader = row.reader
            let queue: String = try reader.next()
            let kind: String = try reader.next()
            let status: JobStatus = try reader.next()
            let count: Int = try reader.next()
            all.add(count, status)
            queues[queue, default: Tally()].add(count, status)
            kinds[kind, default: Tally()].add(count, status)
        }
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            all.writeMembers(to: &json)
            JobCounts.write(queues, as: "queue", under: "queues", to: &json)
            JobCounts.write(kinds, as: "kind", under: "kinds", to: &json)
        }
    }

    private static func write(
        _ tallies: [String: Tally],
        as name: String,
        under list: String,
        to json: inout JSONWriter
    ) {
        json.member(list) { json in
            json.array { json in
                for (key, tally) in tallies.sorted(by: { $0.key < $1.key }) {
                    json.object { json in
                        json.member(name, key)
                        tally.writeMembers(to: &json)
                    }
                }
            }
        }
    }
}

extension JobCounts.Tally {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.member("total", total)
        json.member("statuses") { json in
            json.object { json in
                for status in JobStatus.allCases { json.member(status.rawValue, statuses[status] ?? 0) }
            }
        }
    }
}
