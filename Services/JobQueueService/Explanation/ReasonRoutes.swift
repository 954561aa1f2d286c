import Contracts
import Edge
import HTTPServer
import JSON
import Postgres
import Store

/// The route that says why a job is not running now, or what became of it.
struct ReasonRoutes: Sendable {
    /// Whoever can keep a job has its source here; the first reason is the answer, the others are told too.
    static let sources: [any ReasonSource] = [
        EndReasons(), LimitReasons(), DependencyReasons(), TimeReasons(), LeaseReasons(), LineReasons(),
    ]

    let pool: Pool
    var sources = ReasonRoutes.sources

    func add(to api: inout API) {
        api.add(
            Operation(.get, "/api/jobs/{id}/why", "why a job is not running now", scope: .jobsRead)
        ) { call in
            let id: JobID = try call.id(of: "JOB")
            let project = call.principal.project
            let (job, reasons) = try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
                guard let found = try transaction.query(JobStatements.find(id, project: project)).first,
                    let row = try transaction.query(ReasonStatements.facts(id)).first
                else { throw ServiceError.notFound("JOB") }
                let facts = try JobFacts(try Job(found), row)
                return (facts.job, try sources.flatMap { try $0.reasons(for: facts, in: transaction) })
            }
            return .json { json in
                json.object { json in
                    json.member("job_id", job.id)
                    json.member("status", job.status.rawValue)
                    json.member("phase", job.phase.rawValue)
                    json.member("code", reasons.first?.code.rawValue)
                    json.member("message", reasons.first?.message)
                    json.member("eta", reasons.first?.eta)
                    json.member("reasons", reasons)
                }
            }
        }
    }
}
