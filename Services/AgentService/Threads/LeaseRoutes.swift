import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of a thread's lease: who has it drives the thread, and nobody else.
///
/// ```
///            POST                      POST with the fence
///   free ──────────▶ leased, fence n ─────────────────────▶ leased, fence n
///    ▲                 │         │ time over
///    │ DELETE          │         ▼
///    └─────────────────┘       over: the holder may go on or renew, until somebody else takes it with fence n + 1
/// ```
struct LeaseRoutes: Sendable {
    let pool: Pool

    func add(to api: inout API) {
        let schema = JSONSchema.object([
            .optional("lease_ms", .integer(ThreadBounds.lease).defaulting(to: 30_000)),
            .optional("fence", .integer(1...Int.max).described("of the lease to be renewed")),
        ])
        api.add(
            Operation(
                .post,
                "/api/threads/{id}/lease",
                "take a thread's lease, or renew it by its fence",
                scope: .projectsWrite,
                body: .json(schema)
            ),
            in: pool
        ) { call, transaction in try await lease(call, transaction) }
        api.add(
            Operation(
                .delete,
                "/api/threads/{id}/lease",
                "give a thread's lease back",
                scope: .projectsWrite,
                query: [.integer("fence", "the lease's fence", in: 1...Int.max)],
                success: 204
            ),
            in: pool
        ) { call, transaction in
            let thread = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
            guard let fence = call.int("fence") else { throw ServiceError.invalid("?fence", "is required") }
            try LeaseRoutes.check(Int64(fence), of: thread)
            try await transaction.execute(ThreadStatements.release(thread.id))
            return .noContent
        }
    }

    private func lease(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let thread = try await transaction.lockThread(try call.id(of: "THREAD"), limit: call.principal.project)
        let term = Duration.milliseconds(call.body.value("lease_ms")?.int ?? 30_000)
        let fence: Int64
        if let renewed = call.body.value("fence")?.int {
            fence = Int64(renewed)
            try LeaseRoutes.check(fence, of: thread)
        } else {
            guard !thread.isLeased else { throw LeaseRoutes.held(thread) }
            fence = thread.fence + 1
        }
        let statement = ThreadStatements.lease(thread.id, to: call.principal.name, fence: fence, for: term)
        let leased = try await transaction.first(statement, AgentThread.init, orMissing: "THREAD")
        return .json { json in
            json.object {
                $0.member("thread_id", leased.id)
                $0.member("fence", leased.fence)
                $0.member("lease_ms", term.milliseconds)
                $0.member("expires_at", leased.leasedUntil)
                $0.member("version", leased.version)
            }
        }
    }

    private static func check(_ fence: Int64, of thread: AgentThread) throws {
        guard fence == thread.fence, thread.leasedBy != nil else {
            throw ServiceError(.leaseLost, "the lease with this fence is over")
        }
    }

    private static func held(_ thread: AgentThread) -> ServiceError {
        ServiceError(
            .conflict,
            "somebody has leased the thread",
            details: RawJSON(
                JSONWriter.bytes { json in
                    json.object {
                        $0.member("holder", thread.leasedBy)
                        $0.member("expires_at", thread.leasedUntil)
                    }
                }
            )
        )
    }
}
