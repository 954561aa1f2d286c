import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// Something done to all jobs that a filter finds, in parts, up to a bound; or only counted.
struct BulkAction: Sendable {
    /// More than this are not touched by one call: its answer says that there are more.
    static let maximum = 10_000
    private static let part = 500

    static let schema = JSONSchema.object([
        .required("filter", JobFilter.schema),
        .optional("dry_run", .boolean.defaulting(to: false).described("only say which jobs it would be")),
    ])

    private let call: Call
    private let pool: Pool
    private var filter: JobFilter
    private let isDryRun: Bool

    init(_ call: Call, pool: Pool) throws {
        self.call = call
        self.pool = pool
        filter = try JobFilter(call.body["filter"] ?? .null, project: call.principal.project)
        isDryRun = call.body.value("dry_run")?.bool ?? false
    }

    /// Cancels the jobs that have not ended.
    func cancel(_ ended: () -> Void) async throws -> Reply {
        let found: [JobID] = try await pool.query(JobStatements.open(filter, limit: BulkAction.maximum + 1))
            .map { try $0.decode(0) }
        var changed = 0
        if !isDryRun {
            for ids in BulkAction.parts(found) {
                changed += try await pool.withTransaction { transaction in
                    let open: [JobID] = try transaction.query(JobStatements.lock(ids)).map { try $0.decode(0) }
                    let end = JobStatements.end(
                        open,
                        as: .cancelled,
                        code: "CANCELLED",
                        message: "cancelled on request"
                    )
                    return try transaction.query(end).count
                }
                ended()
            }
        }
        return answer(found, changed)
    }

    /// Runs the ended jobs again that have not been run again yet; those that failed unless the filter says more.
    func retry(_ intake: Intake) async throws -> Reply {
        var filter = filter
        if filter.statuses.isEmpty { filter.statuses = [.failed] }
        if let open = filter.statuses.first(where: { !$0.isFinal }) {
            throw ServiceError.invalid("/filter/status", "\(open.rawValue) jobs have not ended")
        }
        let found: [JobID] = try await pool.query(JobStatements.unretried(filter, limit: BulkAction.maximum + 1))
            .map { try $0.decode(0) }
        var changed = 0
        if !isDryRun {
            for ids in BulkAction.parts(found) { changed += try await retry(ids, intake) }
        }
        return answer(found, changed)
    }

    private func retry(_ ids: [JobID], _ intake: Intake) async throws -> Int {
        let jobs = try await pool.query(JobStatements.all(ids)).map(Job.init)
        // One that its kind or card would refuse today is left out.
        let prepared = try await intake.prepare(jobs.map(JobSubmission.init(retrying:)))
        let again = prepared.compactMap { result in if case .success(let job) = result { job } else { nil } }
        let (caller, trace) = (call.principal.name, call.trace.traceparent)
        let submitted = try await pool.withTransaction { transaction in
            // Two calls at once take turns here; the second finds what the first has made.
            _ = try transaction.query(JobStatements.lockEnded(ids))
            let left = Set(try transaction.query(JobStatements.unretried(ids)).map { try $0.decode(0, as: JobID.self) })
            let wanted = again.filter { $0.retryOf.map(left.contains) ?? false }
            return try Intake.store(wanted, caller: caller, trace: trace, in: transaction)
        }
        intake.announce(submitted)
        return submitted.count
    }

    private static func parts(_ ids: [JobID]) -> [[JobID]] {
        let ids = ids.prefix(maximum)
        return stride(from: ids.startIndex, to: ids.endIndex, by: part)
            .map { start in
                Array(ids[start..<min(start + part, ids.endIndex)])
            }
    }

    private func answer(_ found: [JobID], _ changed: Int) -> Reply {
        .json { json in
            json.object {
                $0.member("dry_run", isDryRun)
                $0.member("matched", min(found.count, BulkAction.maximum))
                $0.member("changed", changed)
                $0.member("more", found.count > BulkAction.maximum)
                $0.member("job_ids", Array(found.prefix(100)))
            }
        }
    }
}
