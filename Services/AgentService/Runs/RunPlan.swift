import JSON
import Kernel
import LanguageModels

/// What a run does next.
enum RunMove: Sendable, Equatable {
    /// The model is asked.
    case ask(RunQuestion)
    /// Somebody is asked to allow these calls.
    case askApproval([Int])
    /// These calls are done, several at a time: they only read, or it is one.
    case call([Int])
    /// These calls are given up: the time is over.
    case giveUp([Int])
    /// Somebody or something else has to do something first, or a time has to come.
    case wait(RunWait, until: Timestamp)
    /// It is over.
    case end(RunEnding)
}

/// How the model is asked.
enum RunQuestion: Sendable, Equatable {
    case next
    /// Without tools, because the run may do no more.
    case last(RunLimit)
    /// Once more, because its answer is not what it was to be.
    case repair(String)
    /// With less to read than before.
    case shorter
}

/// How a run ends.
enum RunEnding: Sendable, Equatable {
    case completed(answer: String, limit: RunLimit?)
    case failed(code: String, message: String)
    case cancelled

    var status: RunStatus {
        switch self {
        case .completed: .completed
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }
}

/// Decides what a run does next from what it has recorded, and from nothing else: so it does not matter who drives it,
/// or who has driven it before.
///
/// ```
///   message ─▶ model ─┬─ calls ─▶ tool, tool, … ─▶ model ─┬─ …
///                     └─ answer ─▶ completed              └─ …
/// ```
struct RunPlan: Sendable {
    /// Failed turns in a row.
    static let mostFailures = 5
    /// How long a run trusts that a job's end will be reported to it.
    static let longestWait = Duration.seconds(300)

    let run: Run
    let steps: [RunStep]
    let now: Timestamp

    /// The next move.
    var next: RunMove {
        if run.isCancelled { return .end(.cancelled) }
        let open = steps.filter { $0.kind == .tool && !$0.status.isFinal }
        if !open.isEmpty { return move(open) }
        let failures = RunPlan.failures(steps)
        let wanted = afterLast(steps.dropLast(failures.count))
        guard let last = failures.last, case .ask = wanted else { return wanted }
        return retry(last, failures.count, wanted)
    }

    /// The failed turns since something else happened.
    static func failures(_ steps: [RunStep]) -> ArraySlice<RunStep> {
        steps.suffix(steps.reversed().prefix { $0.kind == .model && $0.status == .failed }.count)
    }

    private func afterLast(_ steps: ArraySlice<RunStep>) -> RunMove {
        guard let last = steps.last, last.kind == .model, let message = last.message else { return .ask(question) }
        return message.toolCalls.isEmpty ? finish(last, message) : .ask(question)
    }

    private func move(_ open: [RunStep]) -> RunMove {
        if now >= run.deadline { return .giveUp(open.map(\.n)) }
        let unasked = open.filter { $0.status == .pending && needsApproval($0) }
        if !unasked.isEmpty { return .askApproval(unasked.map(\.n)) }
        let ready = open.filter { step in
            switch step.status {
            case .pending, .begun: true
            case .asked: step.approval.map { $0.decision != nil || now >= $0.expiresAt } ?? true
            case .waiting, .done, .failed: false
            }
        }
        if let first = ready.first {
            // In the order asked for; what only reads does not have to wait for one another.
            let reads = ready.prefix { $0.effect == Tool.Effect.read.rawValue && $0.status != .asked }
            return .call(reads.isEmpty ? [first.n] : reads.prefix(8).map(\.n))
        }
        return wait(open)
    }

    private func wait(_ open: [RunStep]) -> RunMove {
        // Decisions and runs wake us in their own transactions. A job's end is reported, and should that be lost, seen.
        let hasJob = open.contains { $0.job != nil }
        let expiries = open.compactMap { $0.status == .asked ? $0.approval?.expiresAt : nil }
        let until = ([run.deadline] + expiries + (hasJob ? [now + RunPlan.longestWait] : [])).min() ?? run.deadline
        if open.contains(where: { $0.status == .asked }) { return .wait(.approval, until: until) }
        return .wait(hasJob ? .job : .child, until: until)
    }

    private func needsApproval(_ step: RunStep) -> Bool {
        step.effect.flatMap(Tool.Effect.init).map(run.settings.approval.isNeeded) ?? false
    }

    private func retry(_ last: RunStep, _ failures: Int, _ wanted: RunMove) -> RunMove {
        let code = last.errorCode ?? ""
        let ending = RunMove.end(.failed(code: code, message: last.errorMessage ?? "the model did not answer"))
        if code == ModelFailure.Code.contextExceeded.rawValue { return failures < 2 ? .ask(.shorter) : ending }
        guard let retryAt = last.retryAt, failures < RunPlan.mostFailures, now < run.deadline else { return ending }
        return now < retryAt ? .wait(.retry, until: min(retryAt, run.deadline)) : wanted
    }

    private func finish(_ last: RunStep, _ message: ModelMessage) -> RunMove {
        let detail = RunTurnDetail(last.detail)
        if detail.finish == .refused {
            return .end(.failed(code: "MODEL_REFUSED", message: "the model will not answer"))
        }
        if detail.finish == .paused { return .ask(question) }
        if let defect = defect(of: message.text) {
            guard !detail.isRepair else { return .end(.failed(code: "OUTPUT_INVALID", message: defect)) }
            return .ask(.repair(defect))
        }
        let limit = detail.limit ?? (detail.finish == .length ? .answer : nil)
        return .end(.completed(answer: message.text, limit: limit))
    }

    private var question: RunQuestion {
        if now >= run.deadline { return .last(.wallTime) }
        if run.usage.turns >= run.settings.limits.turns - 1 { return .last(.turns) }
        if run.usage.toolCalls >= run.settings.limits.toolCalls { return .last(.toolCalls) }
        return .next
    }

    /// Why an answer is not what it was to be.
    private func defect(of text: String) -> String? {
        guard let output = run.settings.output else { return nil }
        do {
            let schema = try JSONSchema(parsing: try JSONDocument(parsing: output.bytes).root)
            let issues = schema.issues(in: try JSONDocument(parsing: text).root)
            guard let issue = issues.first else { return nil }
            return "the answer does not fit its schema: '\(issue.pointer)' \(issue.message)"
        } catch {
            return "the answer is not JSON and nothing else: \(error)"
        }
    }
}
