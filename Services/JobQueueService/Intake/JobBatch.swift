import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// Many jobs submitted at once: all or none, or each on its own.
struct JobBatch: Sendable {
    static let schema = JSONSchema.object([
        .required("jobs", .array(of: JobSubmission.schema, 1...10_000)),
        .optional("atomic", .boolean.defaulting(to: true).described("false: store what fits, and say what does not")),
    ])

    private let call: Call
    private let pool: Pool
    private let intake: Intake

    init(_ call: Call, pool: Pool, intake: Intake) {
        self.call = call
        self.pool = pool
        self.intake = intake
    }

    func submit() async throws -> Reply {
        let key = try IdempotencyKey(call)
        let results = try await prepare()
        var jobs: [Job] = []
        var issues: [JSONIssue] = []
        for (index, result) in results.enumerated() {
            switch result {
            case .success(let job): jobs.append(job)
            case .failure(let refusal): issues += JobBatch.issues(of: refusal, at: "/jobs/\(index)")
            }
        }
        guard issues.isEmpty || call.body.value("atomic")?.bool == false else {
            throw ServiceError.invalid(Array(issues.prefix(50)))
        }

        let answer = JSONWriter.bytes { write(results, to: &$0) }
        let stored = key.map { Intake.StoredKey($0, response: answer) }
        let done = try await intake.submitTogether(
            jobs,
            caller: call.principal.name,
            trace: call.trace.traceparent,
            key: stored
        )
        if done != nil { return .json(bytes: answer, .created) }
        guard let key, let row = try await pool.query(IdempotencyStatements.find(key.caller, key.text)).first else {
            throw ServiceError(
                .serviceUnavailable,
                "the first use of this key did not finish; try again",
                retryAfter: .seconds(1)
            )
        }
        return try key.replay(row)
    }

    private func prepare() async throws -> [Result<Job, ServiceError>] {
        var results: [Result<Job, ServiceError>] = []
        var submissions: [(index: Int, submission: JobSubmission)] = []
        for (index, element) in (call.body["jobs"]?.elements.map { $0 } ?? []).enumerated() {
            do {
                var submission = try JobSubmission(element)
                submission.projectID = call.principal.project
                submissions.append((index, submission))
                results.append(.failure(.notFound("JOB")))
            } catch let refusal as ServiceError {
                results.append(.failure(refusal))
            }
        }
        let prepared = try await intake.prepare(submissions.map(\.submission))
        for (place, result) in zip(submissions, prepared) { results[place.index] = result }
        return results
    }

    private func write(_ results: [Result<Job, ServiceError>], to json: inout JSONWriter) {
        json.object { json in
            json.member("items") { json in
                json.array { json in
                    for result in results {
                        json.object {
                            switch result {
                            case .success(let job):
                                $0.member("job_id", job.id)
                                $0.member("status", job.status.rawValue)
                            case .failure(let refusal):
                                $0.member("code", refusal.code.text)
                                $0.member("message", refusal.message)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func issues(of refusal: ServiceError, at pointer: String) -> [JSONIssue] {
        [JSONIssue(pointer: pointer, message: refusal.message)]
    }
}
