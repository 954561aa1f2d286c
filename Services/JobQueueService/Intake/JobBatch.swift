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
        let prepared = try await prepare()
        let isAtomic = call.body.value("atomic")?.bool ?? true
        var issues: [JSONIssue] = []
        for (index, result) in prepared.enumerated() {
            if case .failure(let refusal) = result {
                issues.append(JSONIssue(pointer: "/jobs/\(index)", message: refusal.message))
            }
        }
        guard issues.isEmpty || !isAtomic else { throw ServiceError.invalid(Array(issues.prefix(50))) }

        let jobs = prepared.compactMap { try? $0.get() }
        let submitted = try await intake.submitTogether(
            jobs,
            caller: call.principal.name,
            trace: call.trace.traceparent,
            key: key
        ) { submitted in
            if isAtomic { for result in submitted { _ = try result.get() } }
            return (.created, JobBatch.answer(prepared, submitted))
        }
        if let submitted { return .json(bytes: JobBatch.answer(prepared, submitted), .created) }
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

    /// One item per submission, in their order: what was refused before storing is not among `submitted`.
    private static func answer(
        _ prepared: [Result<Job, ServiceError>],
        _ submitted: [Result<SubmittedJob, ServiceError>]
    ) -> [UInt8] {
        var submitted = submitted[...]
        let results = prepared.map { result in result.flatMap { _ in submitted.removeFirst() } }
        return JSONWriter.bytes { json in
            json.object { json in
                json.member("items") { json in
                    json.array { json in for result in results { json.object { write(result, to: &$0) } } }
                }
            }
        }
    }

    private static func write(_ result: Result<SubmittedJob, ServiceError>, to json: inout JSONWriter) {
        switch result {
        case .success(let submitted):
            json.member("job_id", submitted.job.id)
            json.member("status", submitted.job.status.rawValue)
            if !submitted.isNew { json.member("existing", true) }
        case .failure(let refusal):
            json.member("code", refusal.code.text)
            json.member("message", refusal.message)
        }
    }
}
