import Contracts
import JSON
import Kernel
import Postgres

/// One page of jobs, and what should not be found in it.
///
/// Everything is read in one snapshot, so jobs on their way raise no alarm. Where a row is on its way out while a job is
/// ended elsewhere, a snapshot can catch the moment in between: so a finding counts when it is still there in a second
/// snapshot, half a second later.
struct Audit: Sendable {
    struct Finding: Hashable, Sendable {
        let check: AuditCheck
        let subject: UUID
        let detail: String
    }

    let findings: [Finding]
    let jobs: Int
    /// Where the next page begins; `nil` after the last.
    let next: UUID?

    /// Looks at the jobs before `high`, newest first.
    init(_ pool: Pool, before high: UUID?, limit: Int, keptDays: Int) async throws {
        let first = try await Audit.look(pool, before: high, limit: limit, keptDays: keptDays)
        jobs = first.jobs
        next = first.next
        guard !first.findings.isEmpty else {
            findings = []
            return
        }
        try await Task.sleep(for: .milliseconds(500))
        let second = Set(try await Audit.find(pool, from: first.low, to: high, keptDays: keptDays))
        findings = first.findings.filter(second.contains)
    }

    private struct Look {
        let findings: [Finding]
        let jobs: Int
        let low: UUID
        let next: UUID?
    }

    private static func look(_ pool: Pool, before high: UUID?, limit: Int, keptDays: Int) async throws -> Look {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let statement = AuditStatements.page(before: high ?? .last, limit: limit)
            let page: [UUID] = try transaction.query(statement).map { try $0.decode(0) }
            let isLast = page.count < limit
            // The last page reaches down to what may lie before the oldest job.
            let low = isLast ? UUID(high: 0, low: 0) : page.last ?? UUID(high: 0, low: 0)
            let findings = try find(in: transaction, from: low, to: high, keptDays: keptDays)
            return Look(findings: findings, jobs: page.count, low: low, next: isLast ? nil : low)
        }
    }

    private static func find(_ pool: Pool, from low: UUID, to high: UUID?, keptDays: Int) async throws -> [Finding] {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            try find(in: transaction, from: low, to: high, keptDays: keptDays)
        }
    }

    private static func find(
        in transaction: isolated Transaction,
        from low: UUID,
        to high: UUID?,
        keptDays: Int
    ) throws -> [Finding] {
        let limit = Duration.seconds(20)
        _ = try transaction.query(PlannerStatements.withoutJIT)
        var statements = [
            AuditStatements.places(from: low, to: high ?? .last),
            AuditStatements.histories(from: low, to: high ?? .last, keptDays: keptDays),
        ]
        if high == nil { statements.append(AuditStatements.whole) }
        return try statements.flatMap { statement in
            try transaction.query(statement, timeout: limit)
                .compactMap { row -> Finding? in
                    guard let check = AuditCheck(rawValue: try row.decode(0)) else { return nil }
                    return Finding(check: check, subject: try row.decode(1), detail: try row.decode(2))
                }
        }
    }

    /// Writes every check with its count, the zeroes too, and some examples.
    func write(to json: inout JSONWriter, examples: Int) {
        json.object { json in
            json.member("clean", findings.isEmpty)
            json.member("jobs", jobs)
            json.member("checks") { json in
                json.array { json in
                    for check in AuditCheck.allCases {
                        let found = findings.filter { $0.check == check }
                        json.object { json in
                            json.member("check", check.rawValue)
                            json.member("invariant", check.invariant)
                            json.member("meaning", check.meaning)
                            json.member("count", found.count)
                            json.member("examples") { json in
                                json.array { json in
                                    for finding in found.prefix(examples) {
                                        json.object {
                                            $0.member("id", finding.subject.description)
                                            $0.member("detail", finding.detail)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            json.member("next_cursor", next.map { Base64URL.encode($0.bytes) })
        }
    }
}

extension UUID {
    /// After every id there is.
    fileprivate static let last = UUID(high: .max, low: .max)
}
