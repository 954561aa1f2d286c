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
    private let intake: Intake

    init(_ call: Call, intake: Intake) {
        self.call = call
        self.intake = intake
    }

    func submit() async throws -> Reply {
        let key = try IdempotencyKey(call)
        let submissions = (call.body["jobs"]?.elements.map { $0 } ?? []).enumerated()
            .map { index, element in
                JobSubmission(element, at: "/jobs/\(index)", project: call.principal.project)
            }
        let prepared = try await intake.prepare(submissions)
        let isAtomic = call.body.value("atomic")?.bool ?? true
        let issues = zip(submissions, prepared)
            .flatMap { submission, result in
                guard case .failure(let refusal) = result else { return [JSONIssue]() }
                return refusal.issues.isEmpty
                    ? [JSONIssue(pointer: submission.pointer, message: refusal.message)] : refusal.issues
            }
        guard issues.isEmpty || !isAtomic else { throw ServiceError.invalid(Array(issues.prefix(50))) }

        let submitted = try await intake.submitTogether(
            prepared.compactMap { result in if case .success(let job) = result { job } else { nil } },
            caller: call.principal.name,
            trace: call.trace.traceparent,
            key: key
        ) { submitted in
            if isAtomic { for result in submitted { _ = try result.get() } }
            return (.created, JobBatch.answer(prepared, submitted))
        }
        guard let submitted else { return try await intake.replay(key) }
        return .json(bytes: JobBatch.answer(prepared, submitted), .created)
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
