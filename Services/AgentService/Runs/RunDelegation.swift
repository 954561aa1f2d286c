import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres

/// Starts runs for runs. Run, thread and the call's state are one transaction, so a call starts one, however often its
/// driver is killed.
struct RunDelegation: Sendable {
    let ledger: RunLedger
    let calls: RunCalls
    private let ids = IdentifierSource()

    init(ledger: RunLedger, calls: RunCalls) {
        self.ledger = ledger
        self.calls = calls
    }

    func start(_ step: RunStep, of run: Run, _ lease: RunLease) async throws {
        guard let call = step.call else { return }
        guard DelegateTool.tool(for: run) != nil else {
            return try await calls.refuse(step, "UNKNOWN_TOOL", "this run may start no other", lease)
        }
        guard run.usage.toolCalls < run.settings.limits.toolCalls else {
            return try await calls.refuse(step, "TOOL_CALL_LIMIT", "no more tools may be called in this run", lease)
        }
        let (child, thread): (RunID, ThreadID) = (ids.next(), ids.next())
        do {
            try await ledger.write(lease) { transaction, run in
                let sums = try transaction.query(RunStatements.promised(toChildrenOf: run.id)).first
                let draft = try DelegateTool.draft(
                    child,
                    in: thread,
                    for: run,
                    step: step.n,
                    try JSONDocument(parsing: call.arguments.bytes).root,
                    promised: (tokens: try sums?.decode(0) ?? 0, cost: try sums?.decode(1) ?? 0)
                )
                _ = try transaction.query([
                    ThreadStatements.insert(.of(run), id: thread, trace: draft.trace),
                    RunStatements.insert(draft),
                    RunStepStatements.wait(run.id, n: step.n, child: child),
                    RunStatements.chargeCall(run.id, cost: 0),
                    RunEventStatements.append("step", of: run.id, step: step.n),
                ])
            }
        } catch let error as ServiceError {
            try await calls.refuse(step, error.code.text, error.message, lease)
        }
    }
}

extension ThreadDraft {
    /// The thread of a run that another one starts.
    fileprivate static func of(_ run: Run) -> ThreadDraft {
        let metadata = JSONWriter.bytes { json in json.object { $0.member("parent_run_id", run.id) } }
        return ThreadDraft(id: nil, project: run.project, key: nil, title: nil, metadata: RawJSON(metadata))
    }
}
