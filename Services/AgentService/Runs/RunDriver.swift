import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import Store
import Telemetry

/// Drives runs: asks the plan what comes next, does it, records it, and asks again. All that it knows is in the record,
/// so it may be killed anywhere and another goes on.
struct RunDriver: Sendable {
    let ledger: RunLedger
    let asker: RunAsker
    let calls: RunCalls
    let delegation: RunDelegation
    let authority: RunAuthority
    let telemetry: RunTelemetry

    /// Drives a run until it waits or has ended.
    ///
    /// - Throws: `RunLeaseLost` when another has it.
    func drive(_ lease: RunLease) async throws {
        try await settle(lease)
        var settled: [RunStep] = []
        while true {
            let (run, fresh) = try await ledger.load(lease, after: settled.last?.n ?? 0)
            if try await authority.isGone(run.principal) { return try await end(run, RunAuthority.ending, lease) }
            let steps = settled + fresh
            settled += fresh.prefix { $0.status.isFinal }
            if run.isCancelled, let step = steps.first(where: { calls.mayHaveStartedJob($0, of: run) }) {
                // The same key again says which job that is.
                try await calls.perform(step, of: run, lease)
                continue
            }
            switch RunPlan(run: run, steps: steps, now: run.readAt).next {
            case .ask(let question):
                if let ending = try await asker.ask(question, run, steps, lease) {
                    return try await end(run, ending, lease)
                }
            case .askApproval(let numbers): try await askApproval(steps.filter { numbers.contains($0.n) }, run, lease)
            case .call(let numbers): try await call(steps.filter { numbers.contains($0.n) }, run, lease)
            case .giveUp(let numbers):
                for step in steps where numbers.contains(step.n) {
                    try await calls.refuse(step, "RUN_TIMED_OUT", "the run's time is over", lease)
                }
            case .wait(let wait, let until):
                if try await ledger.wait(run, for: wait, until: until, lease) { return }
                try await settle(lease)
            case .end(let ending): return try await end(run, ending, lease)
            }
        }
    }

    private func call(_ steps: [RunStep], _ run: Run, _ lease: RunLease) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for step in steps {
                group.addTask {
                    if step.call?.name == DelegateTool.name {
                        try await delegation.start(step, of: run, lease)
                    } else {
                        try await calls.perform(step, of: run, lease)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func askApproval(_ steps: [RunStep], _ run: Run, _ lease: RunLease) async throws {
        try await ledger.write(
            lease,
            steps.flatMap { step in
                guard let call = step.call else { return [SQL]() }
                return [
                    RunStepStatements.askApproval(
                        run.id,
                        n: step.n,
                        call,
                        digest: RunApproval.digest(of: call.arguments),
                        principal: run.principal.name,
                        term: run.settings.approvalTerm
                    ),
                    RunEventStatements.append("approval_required", of: run.id, step: step.n),
                ]
            }
        )
    }

    /// Ends calls whose jobs or runs have ended.
    private func settle(_ lease: RunLease) async throws {
        let ended = try await ledger.pool.atomically([
            RunStepStatements.endedJobs(of: lease.run), RunStepStatements.endedChildren(of: lease.run),
        ])
        let endings = try ended[0].map(RunCallEnding.init(job:)) + ended[1].map(RunCallEnding.init(child:))
        for ending in endings {
            try await ledger.write(
                lease,
                [
                    RunStepStatements.finish(
                        lease.run,
                        n: ending.step,
                        ModelToolResult(
                            callID: ending.call,
                            name: ending.tool,
                            text: RunCalls.cut(ending.text),
                            isError: ending.code != nil
                        ),
                        isUntrusted: true,
                        code: ending.code
                    ),
                    RunEventStatements.append("step", of: lease.run, step: ending.step),
                ]
            )
        }
    }

    private func end(_ run: Run, _ ending: RunEnding, _ lease: RunLease) async throws {
        let jobs = ending == .cancelled ? [JobCancellationStatements.note(jobsOf: run.id)] : []
        try await ledger.write(
            lease,
            jobs + [
                RunStepStatements.drop(run.id), RunStatements.end(run.id, ending),
                RunEventStatements.append(ending.status.rawValue, of: run.id), RunStatements.wakeParent(of: run.id),
                RunStatements.cancelChildren(of: run.id),
                RunStatements.release(lease),
            ]
        )
        telemetry.ended(run, ending)
    }
}
