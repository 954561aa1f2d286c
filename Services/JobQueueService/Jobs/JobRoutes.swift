import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Postgres
import Store
import Telemetry

/// The HTTP routes that submit jobs and look at them.
struct JobRoutes: Sendable {
    let pool: Pool
    let intake: Intake
    let kinds: KindRegistry

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
        ) { call in try await intake.reply(to: call, JobSubmission(call.body, project: call.principal.project)) }
        api.add(
            Operation(
                .post,
                "/api/jobs/batch",
                "submit many jobs",
                scope: .jobsSubmit,
                body: .json(JobBatch.schema, atMost: 16 << 20),
                success: 201
            )
        ) { call in try await JobBatch(call, intake: intake).submit() }
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
        api.add(Operation(.get, "/api/kinds", "kinds of jobs with the schemas of their params", scope: .jobsRead)) {
            _ in
            .json { json in json.object { $0.member("items", kinds.kinds.values.sorted { $0.name < $1.name }) } }
        }
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
