import Contracts
import JSON
import Kernel
import LanguageModels
import TestSupport

@testable import AgentService

extension StatementTests {
    /// The statements of runs.
    static func runStatements(_ project: ProjectID) -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let (run, thread, job): (RunID, ThreadID, JobID) = (ids.next(), ids.next(), ids.next())
        let lease = RunLease(run: run, thread: thread, fence: 1)
        let draft = RunStatements.Draft(
            id: run,
            thread: thread,
            principal: .emptyObject,
            settings: RunSettings(model: "m"),
            message: .emptyObject,
            trace: ""
        )
        let call = ModelToolCall(id: "c", name: "t", arguments: .emptyObject)
        let result = ModelToolResult(callID: "c", name: "t", text: "")
        let delta = RunEventStatements.Delta(
            run: run,
            thread: thread,
            step: 1,
            number: "1",
            kind: "text",
            text: "",
            trace: ""
        )
        let (message, detail) = (ModelMessage(.assistant, []), RunTurnDetail())
        return [
            ("run insert", RunStatements.insert(draft)),
            ("runs claim", RunStatements.claim(atMost: 1, for: .seconds(1))),
            ("run hold", RunStatements.hold(lease)),
            ("run renew", RunStatements.renew(lease, for: .seconds(1))),
            ("run release", RunStatements.release(lease)),
            ("run reserve", RunStatements.reserve(run, tokens: 1, cost: 1)),
            ("run charge", RunStatements.charge(run, turns: 1, input: 1, output: 1, cost: 1)),
            ("run charge call", RunStatements.chargeCall(run, cost: 1)),
            ("run wait", RunStatements.wait(run, for: .job, until: Timestamp(microseconds: 0))),
            ("run lock", RunStatements.lock(run, limit: project)),
            ("run end", RunStatements.end(run, .cancelled)),
            ("run cancel children", RunStatements.cancelChildren(of: run)),
            ("run wake parent", RunStatements.wakeParent(of: run)),
            ("runs wake for jobs", RunStatements.wake(forJobs: [job])),
            ("run wake", RunStatements.wake(run)),
            ("run cancel", RunStatements.cancel(run)),
            ("job cancellations note", JobCancellationStatements.note(jobsOf: run)),
            ("job cancellations take", JobCancellationStatements.take(atMost: 1, for: .seconds(1))),
            ("job cancellation put off", JobCancellationStatements.putOff(job, for: .seconds(1))),
            ("job cancellation forget", JobCancellationStatements.forget(job)),
            ("run find", RunStatements.find(run, limit: project)),
            ("run is open", RunStatements.isOpen(run)),
            ("run list", RunStatements.list(thread: thread, status: "", limit: project, before: run.uuid, atMost: 1)),
            ("runs open", RunStatements.countOpen(thread)),
            ("runs promised", RunStatements.promised(toChildrenOf: run)),
            ("runs delete", RunStatements.delete(ofThreads: [thread])),
            ("run event", RunEventStatements.append("step", of: run, step: 1)),
            ("run deltas", RunEventStatements.append([delta])),
            ("run steps", RunStepStatements.page(of: run, after: 0, atMost: 1)),
            ("run transcript", RunStepStatements.transcript(thread, before: run, atMost: 1)),
            ("run foreign", RunStepStatements.foreign(in: thread)),
            ("run turn", RunStepStatements.addTurn(run, n: 1, message: message, detail: detail)),
            (
                "run failed turn",
                RunStepStatements.addFailedTurn(run, n: 1, code: "", message: "", retryIn: nil, detail: detail)
            ),
            ("run call", RunStepStatements.addCall(run, n: 1, call, effect: .read)),
            ("run call begin", RunStepStatements.begin(run, n: 1)),
            ("run call wait", RunStepStatements.wait(run, n: 1, job: job)),
            ("run call finish", RunStepStatements.finish(run, n: 1, result, isUntrusted: true, code: nil)),
            ("run calls drop", RunStepStatements.drop(run)),
            ("run jobs ended", RunStepStatements.endedJobs(of: run)),
            ("run children ended", RunStepStatements.endedChildren(of: run)),
            (
                "run approval ask",
                RunStepStatements.askApproval(run, n: 1, call, digest: [], principal: "", term: .seconds(1))
            ),
            (
                "run approval decide",
                RunStepStatements.decide(run, call: "c", .deny, digest: nil, note: nil, by: "")
            ),
            ("run approvals", RunStepStatements.approvals(run, call: "c")),
            ("run approval consume", RunStepStatements.consume(run, n: 1)),
        ]
    }
}
