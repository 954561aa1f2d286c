import Contracts
import JSON
import Postgres

/// The answer to a heartbeat.
struct Heartbeat: Sendable {
    let isDraining: Bool
    /// Leases whose jobs went on without the worker.
    let cancelled: [LeaseKey]

    /// Writes the members of the answer.
    func write(to json: inout JSONWriter) {
        json.member("command", isDraining ? "drain" : "continue")
        json.member("cancel") { json in
            json.array { json in
                for key in cancelled {
                    json.object {
                        $0.member("job_id", key.jobID)
                        $0.member("fence", key.fence)
                    }
                }
            }
        }
    }
}

extension WorkerRoutes {
    var heartbeatFields: [JSONSchema.Property] {
        [
            .optional(
                "stopped",
                .array(of: .object(keyFields), 0...1000).described("revoked leases that the worker has stopped")
            ),
            .optional(
                "holding",
                .array(of: .object(keyFields), 0...10_000)
                    .described("the leases that the worker knows of; others that were not started go back to the line")
            ),
        ]
    }

    /// Lengthens a session's life, and tells the worker what it must know.
    ///
    /// A worker whose `acquire` was answered and did not hear it has leases that it will never start. What it does not
    /// list, a lease time after it was leased, is somebody else's again.
    func beat(_ worker: Worker, _ body: JSONElement) async throws -> Heartbeat {
        let stopped = body.value("stopped")?.elements.map { leaseKey($0) } ?? []
        if !stopped.isEmpty { _ = try await pool.execute(WorkerStatements.forgetRevoked(worker.id, stopped)) }
        if let holding = body.value("holding")?.elements.map({ leaseKey($0) }) {
            try await dispatcher.handBackUnheard(worker, knowing: holding)
        }
        guard
            let row = try await pool.query(WorkerStatements.heartbeat([worker.id], lease: dispatcher.leaseDuration))
                .first
        else { throw ServiceError.notFound("WORKER") }
        let draining: Bool = try row.decode(1)
        let revoked = try await pool.query(WorkerStatements.revokedLeases(worker.id)).map(LeaseKey.init)
        return Heartbeat(isDraining: draining, cancelled: revoked)
    }
}
