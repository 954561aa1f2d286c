import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import LanguageModels
import Postgres
import Store

/// The HTTP routes of runs: what they did, how to end them, and what somebody must allow.
struct RunRoutes: Sendable {
    let pool: Pool
    let bell: RunBell
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/runs",
                "list runs, newest first",
                scope: .projectsRead,
                query: QueryField.page + [.uuid("thread_id", "the thread"), .text("status", "the status", atMost: 20)]
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/runs/{id}", "a run", scope: .projectsRead)) { call in
            .json(try await find(call))
        }
        api.add(
            Operation(
                .get,
                "/api/runs/{id}/steps",
                "what a run did, step by step",
                scope: .projectsRead,
                query: [
                    .integer("after", "the last step's number", in: 0...1_000_000),
                    .integer("limit", "how many", in: 1...500),
                ]
            )
        ) { call in try await steps(call) }
        api.add(
            Operation(
                .post,
                "/api/runs/{id}/cancel",
                "end a run and the runs that it has started; one that has ended is answered as it is",
                scope: .projectsWrite
            )
        ) { call in
            let run = try await find(call)
            // Whoever ends one of its children locks that one first: one of the two has to give way.
            try await pool.withTransaction(retries: 5) { _ = try $0.query(RunStatements.cancel(run.id)) }
            bell.ring(for: run.id)
            return .json(try await find(call))
        }
        api.add(
            Operation(
                .post,
                "/api/runs/{id}/approvals/{call_id}",
                "allow or deny a call that a run waits for",
                scope: .projectsWrite,
                body: .json(
                    .object([
                        .required("decision", .word(RunApproval.Decision.allCases.map(\.rawValue))),
                        .optional(
                            "arguments_digest",
                            .string(64...64).described("refused when the call has other arguments")
                        ),
                        .optional("note", .string(1...2_000).described("what the model is told of a denial")),
                    ])
                )
            )
        ) { call in try await decide(call) }
    }

    private func find(_ call: Call) async throws -> Run {
        let find = RunStatements.find(try call.id(of: "RUN"), limit: call.principal.project)
        return try await pool.first(find, Run.init, orMissing: "RUN")
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let statement = RunStatements.list(
            thread: call.queryID("thread_id"),
            status: call.text("status"),
            limit: call.principal.project,
            before: page.after,
            atMost: page.limit + 1
        )
        return page.reply(try await pool.query(statement).map(Run.init)) { $0.id.uuid }
    }

    private func steps(_ call: Call) async throws -> Reply {
        let run = try await find(call)
        let limit = call.int("limit") ?? 100
        let statement = RunStepStatements.page(of: run.id, after: call.int("after") ?? 0, atMost: limit + 1)
        let steps = try await pool.query(statement).map(RunStep.init)
        return .json { json in
            json.object {
                $0.member("items", Array(steps.prefix(limit)))
                $0.member("next_after", steps.count > limit ? steps[limit - 1].n : nil)
            }
        }
    }

    private func decide(_ call: Call) async throws -> Reply {
        let run = try await find(call)
        let callID = call.request.parameters["call_id"] ?? ""
        let digest = call.body.value("arguments_digest")?.string
        let bytes = try digest.map { text in
            guard let bytes = Hex.decode(text) else {
                throw ServiceError.invalid("/arguments_digest", "must be hexadecimal digits")
            }
            return bytes
        }
        let decision = call.body["decision"]?.string.flatMap(RunApproval.Decision.init) ?? .deny
        let decide = RunStepStatements.decide(
            run.id,
            call: callID,
            decision,
            digest: bytes,
            note: call.body.value("note")?.string,
            by: call.principal.name
        )
        let approval = try await pool.withTransaction { transaction in
            // The run first, as its driver does.
            let decided = try transaction.query([RunStatements.lock(run.id, limit: nil), decide])[1]
            let row = try transaction.query(RunStepStatements.approvals(run.id, call: callID)).first
            guard var reader = row?.reader, let approval = try RunApproval(&reader) else {
                throw ServiceError.notFound("APPROVAL")
            }
            guard !decided.isEmpty else { throw RunRoutes.refusal(approval, decision, digest: bytes) }
            _ = try transaction.query([
                RunStatements.wake(run.id), RunEventStatements.append("approval_decided", of: run.id),
            ])
            return approval
        }
        changed()
        bell.ring(for: run.id)
        return .json(approval)
    }

    private static func refusal(_ approval: RunApproval, _ decision: RunApproval.Decision, digest: [UInt8]?)
        -> ServiceError
    {
        if let digest, digest != approval.digest {
            return ServiceError(.conflict, "the call has other arguments than those that were looked at")
        }
        if let made = approval.decision { return ServiceError(.conflict, "it was decided before: \(made.rawValue)") }
        return ServiceError(.conflict, "the time to decide is over")
    }
}
