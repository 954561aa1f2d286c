import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Postgres
import Store
import Telemetry

/// The HTTP routes of jobs.
struct JobRoutes: Sendable {
    let pool: Pool
    let intake: Intake
    let kinds: KindRegistry
    let changed: @Sendable () -> Void
    /// To be called after jobs were ended.
    let ended: @Sendable () -> Void
    let bell: ReadyBell

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/jobs",
                "submit a job",
                scope: .jobsSubmit,
                body: .json(JobSubmission.schema),
                success: 201
            )
        ) { call in try await submit(call) }
        api.add(
            Operation(
                .post,
                "/api/jobs/batch",
                "submit many jobs",
                scope: .jobsSubmit,
                body: .json(JobBatch.schema, atMost: 16 << 20),
                success: 201
            )
        ) { call in try await JobBatch(call, pool: pool, intake: intake).submit() }
        api.add(
            Operation(
                .get,
                "/api/jobs",
                "list jobs, newest first",
                scope: .jobsRead,
                query: QueryField.page + JobFilter.fields
            )
        ) {
            call in try await list(call)
        }
        api.add(Operation(.get, "/api/jobs/{id}", "a job", scope: .jobsRead)) { call in .json(try await find(call)) }
        api.add(
            Operation(
                .get,
                "/api/jobs/{id}/events",
                "what happened to a job",
                scope: .jobsRead,
                query: [
                    .integer("after", "the seq after which to begin", in: 0...Int(Int32.max)),
                    .integer("limit", "how many at most", in: 1...200),
                ]
            )
        ) { call in try await events(call) }
        api.add(
            Operation(
                .get,
                "/api/jobs/{id}/logs",
                "what a job wrote",
                scope: .jobsRead,
                query: [
                    .integer("after", "the line after which to begin", in: 0...Int.max / 2),
                    .integer("limit", "how many at most", in: 1...1000),
                ]
            )
        ) { call in try await logs(call) }
        api.add(Operation(.post, "/api/jobs/{id}/cancel", "cancel a job", scope: .jobsManage)) { call in
            try await cancel(call)
        }
        api.add(
            Operation(
                .post,
                "/api/jobs/{id}/resume",
                "go on with a suspended job",
                scope: .jobsManage,
                body: .json(JobRoutes.resumeSchema)
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
        api.add(Operation(.get, "/api/kinds", "kinds of jobs with the schemas of their params", scope: .jobsRead)) {
            _ in
            .json { json in json.object { $0.member("items", kinds.kinds.values.sorted { $0.name < $1.name }) } }
        }
    }

    private func submit(_ call: Call) async throws -> Reply {
        var submission = try JobSubmission(call.body)
        submission.projectID = call.principal.project
        return try await store(submission, call)
    }

    /// Stores a submission under the call's Idempotency-Key, and answers with the job or the first answer.
    private func store(_ submission: JobSubmission, _ call: Call) async throws -> Reply {
        let key = try IdempotencyKey(call)
        let submitted = try await intake.submit(
            submission,
            caller: call.principal.name,
            trace: call.trace.traceparent,
            key: key
        )
        if let submitted {
            let location = ("Location", "/api/jobs/\(submitted.job.id)")
            return .json(bytes: submitted.answer, submitted.status, headers: [location])
        }
        guard let key else { throw ServiceError(.internalError, "the job was not stored") }
        return try await replay(key)
    }

    private func replay(_ key: IdempotencyKey) async throws -> Reply {
        guard let row = try await pool.query(IdempotencyStatements.find(key.caller, key.text)).first else {
            throw ServiceError(
                .serviceUnavailable,
                "the first use of this key did not finish; try again",
                retryAfter: .seconds(1)
            )
        }
        return try key.replay(row)
    }

    private func find(_ call: Call) async throws -> Job {
        let id: JobID = try call.id(of: "JOB")
        guard let row = try await pool.query(JobStatements.find(id, project: call.principal.project)).first else {
            throw ServiceError.notFound("JOB")
        }
        return try Job(row)
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let statement = JobStatements.list(try JobFilter(call), before: page.after, limit: page.limit + 1)
        return page.reply(try await pool.query(statement).map(Job.init)) { $0.id.uuid }
    }

    private func events(_ call: Call) async throws -> Reply {
        let job = try await find(call)
        let limit = call.int("limit") ?? 50
        let events = try await EventLogReader(pool)
            .events(ofJob: job.id, afterSeq: call.int("after") ?? 0, atMost: limit)
        return .json { json in json.object { $0.member("items", events.map(\.body)) } }
    }

    private func logs(_ call: Call) async throws -> Reply {
        let job = try await find(call)
        let rows = try await pool.query(
            JobStatements.logs(job.id, after: call.int("after") ?? 0, limit: call.int("limit") ?? 200)
        )
        return try .json { json in
            try json.object { json in
                try json.member("items") { json in
                    try json.array { json in
                        for row in rows {
                            var reader = row.reader
                            try json.object {
                                $0.member("id", try reader.next(Int.self))
                                $0.member("attempt", try reader.next(Int.self))
                                $0.member("at", try reader.next(Timestamp.self))
                                $0.member("line", try reader.next(String.self))
                            }
                        }
                    }
                }
            }
        }
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
        let job = try await find(call)
        guard job.status.isFinal else {
            throw ServiceError(
                .invalidTransition,
                "the job is \(job.status.rawValue): only an ended job can be run again"
            )
        }
        var submission = JobSubmission(retrying: job)
        submission.projectID = submission.projectID ?? call.principal.project
        return try await store(submission, call)
    }
}

extension Kind: JSONWritable {
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("kind", name)
            $0.member("summary", summary)
            $0.member("provider", provider)
            $0.member("available", unavailable == nil)
            $0.member("unavailable_reason", unavailable)
            $0.member("params_schema", params)
        }
    }
}
