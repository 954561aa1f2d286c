import Contracts
import Edge
import HTTPServer
import Kernel
import Postgres
import Store
import Telemetry

/// Submissions as answers to a call.
extension Intake {
    /// Stores a submission under the call's Idempotency-Key, and answers with the job or the first answer.
    func reply(to call: Call, _ submission: JobSubmission) async throws -> Reply {
        let key = try IdempotencyKey(call)
        let submitted = try await submit(
            submission,
            caller: call.principal.name,
            trace: call.trace.traceparent,
            key: key
        )
        guard let submitted else { return try await replay(key) }
        let location = ("Location", "/api/jobs/\(submitted.job.id)")
        return .json(bytes: submitted.answer, submitted.status, headers: [location])
    }

    /// The first answer under a key that was used before.
    func replay(_ key: IdempotencyKey?) async throws -> Reply {
        guard let key, let row = try await pool.query(IdempotencyStatements.find(key.caller, key.text)).first else {
            throw ServiceError(
                .serviceUnavailable,
                "the first use of this key did not finish; try again",
                retryAfter: .seconds(1)
            )
        }
        return try key.replay(row)
    }
}
