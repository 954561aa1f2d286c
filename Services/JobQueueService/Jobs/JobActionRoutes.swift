import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store

/// The HTTP routes that change jobs from outside: cancel, resume, run again.
struct JobActionRoutes: Sendable {
    let pool: Pool
    let intake: Intake
    let bell: ReadyBell
    /// To be called after events were appended.
    let changed: @Sendable () -> Void
    /// To be called after jobs were ended.
    let ended: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(Operation(.post, "/api/jobs/{id}/cancel", "cancel a job", scope: .jobsManage)) { call in
            try await cancel(call)
        }
        api.add(
            Operation(
                .post,
                "/api/jobs/{id}/resume",
                "go on with a suspended job",
                scope: .jobsManage,
                body: .json(JobActionRoutes.resumeSchema)
            )
        ) { call in try await resume(call) }
        api.add(
            Operation(
                .post,
                "/api/jobs/{id}/retry",
                "run an ended job again, as a new one",
                scope: .jobsSubmit,
                success: 201
            )
        ) {
            call in try await retry(call)
        }
        let schema = BulkAction.schema
        api.add(
            Operation(.post, "/api/jobs/cancel", "cancel many jobs", scope: .jobsManage, body: .json(schema))
        ) { call in try await BulkAction(call, pool: pool).cancel(ended) }
        api.add(
            Operation(
                .post,
                "/api/jobs/retry",
                "run many ended jobs again, each once",
                scope: .jobsManage,
                body: .json(schema)
            )
        ) { call in try await BulkAction(call, pool: pool).retry(intake) }
    }

    private func cancel(_ call: Call) async throws -> Reply {
        let id: JobID = try call.id(of: "JOB")
        let project = call.principal.project
        // Two statements: the second sees the lease of a claim that the first had to wait for.
        let job = try await pool.withTransaction { transaction in
            guard let row = try transaction.query(JobStatements.lock(id, project: project)).first else {
                throw ServiceError.notFound("JOB")
            }
            let status = try Job(row).status
            guard !status.isFinal else {
                if status == .cancelled { return try Job(row) }
                throw ServiceError(.invalidTransition, "the job is \(status.rawValue) already")
            }
            _ = try transaction.query(
                JobStatements.end([id], as: .cancelled, code: "CANCELLED", message: "cancelled on request")
            )
            guard let row = try transaction.query(JobStatements.find(id, project: project)).first else {
                throw ServiceError.notFound("JOB")
            }
            return try Job(row)
        }
        ended()
        return .json(job)
    }

    private static let resumeSchema = JSONSchema.object([
        .optional("data", .anyObject.described("handed to the next attempt as `resume`"))
    ])

    /// Resumes a suspended job. One whose worker is only about to suspend it is not left behind: what is said while it
    /// runs counts for the suspension that follows.
    private func resume(_ call: Call) async throws -> Reply {
        let id: JobID = try call.id(of: "JOB")
        let project = call.principal.project
        let data = call.body["data"]?.raw ?? .emptyObject
        let (job, kinds) = try await pool.withTransaction { transaction in
            guard let row = try transaction.query(JobStatements.lock(id, project: project)).first else {
                throw ServiceError.notFound("JOB")
            }
            let job = try Job(row)
            guard job.phase == .suspended || job.status == .processing else {
                throw ServiceError(
                    .invalidTransition,
                    "the job is \(job.status.rawValue): it does not wait to be resumed"
                )
            }
            let kinds: [String] = try transaction.query(JobStatements.resume(id, data: data)).map { try $0.decode(0) }
            guard let resumed = try transaction.query(JobStatements.find(id, project: project)).first else {
                throw ServiceError.notFound("JOB")
            }
            return (try Job(resumed), kinds)
        }
        if !kinds.isEmpty {
            changed()
            bell.ring(kinds)
        }
        return .json(job)
    }

    private func retry(_ call: Call) async throws -> Reply {
        let id: JobID = try call.id(of: "JOB")
        guard let row = try await pool.query(JobStatements.find(id, project: call.principal.project)).first else {
            throw ServiceError.notFound("JOB")
        }
        let job = try Job(row)
        guard job.status.isFinal else {
            throw ServiceError(
                .invalidTransition,
                "the job is \(job.status.rawValue): only an ended job can be run again"
            )
        }
        return try await intake.reply(to: call, JobSubmission(retrying: job))
    }
}
