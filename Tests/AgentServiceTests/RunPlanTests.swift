import Contracts
import JSON
import Kernel
import LanguageModels
import Store
import Telemetry
import Testing

@testable import AgentService

/// The plan alone: records in, moves out.
@Suite struct RunPlanTests {
    private let now = Timestamp(microseconds: 1_000_000_000)

    @Test func `a message is answered, an answer ends the run`() {
        #expect(next([message()]) == .ask(.next))
        #expect(next([message(), turn(2, "Hello.")]) == .end(.completed(answer: "Hello.", limit: nil)))
    }

    @Test func `calls are done in order, those that only read together`() {
        let asked = [message(), turn(2, calls: 4)]
        let calls = [call(3, .read), call(4, .read), call(5, .write), call(6, .read)]
        #expect(next(asked + calls) == .call([3, 4]))
        let later = [call(3, .read, .done), call(4, .read, .failed)] + calls.suffix(2)
        #expect(next(asked + later) == .call([5]))
        #expect(next(asked + later.prefix(2) + [call(5, .write, .done), calls[3]]) == .call([6]))
        #expect(next(asked + later.prefix(2) + [call(5, .write, .done), call(6, .read, .done)]) == .ask(.next))
    }

    @Test func `what cannot be undone waits for leave, and goes on when somebody decided or nobody did in time`() {
        let asked = [message(), turn(2, calls: 1)]
        #expect(next(asked + [call(3, .irreversible)]) == .askApproval([3]))
        #expect(next(asked + [call(3, .irreversible)], approval: .none) == .call([3]))
        #expect(next(asked + [call(3, .write)], approval: .write) == .askApproval([3]))
        let open = call(3, .irreversible, .asked, approval(nil, in: .seconds(10)))
        #expect(next(asked + [open]) == .wait(.approval, until: now + .seconds(10)))
        #expect(next(asked + [call(3, .irreversible, .asked, approval(.deny, in: .seconds(10)))]) == .call([3]))
        #expect(next(asked + [call(3, .irreversible, .asked, approval(nil, in: .seconds(-1)))]) == .call([3]))
    }

    @Test func `what was begun when its driver died is looked at before anything else`() {
        #expect(next([message(), turn(2, calls: 1), call(3, .irreversible, .begun)]) == .call([3]))
    }

    @Test func `a job is waited for, with a look at it now and then`() {
        let waiting = call(3, .write, .waiting, job: true)
        #expect(
            next([message(), turn(2, calls: 1), waiting]) == .wait(.job, until: now + RunPlan.longestWait)
        )
    }

    @Test func `a failed turn is tried again when its time has come, five times in a row at most`() {
        let early = failed(2, retryAt: now + .seconds(3))
        #expect(next([message(), early]) == .wait(.retry, until: now + .seconds(3)))
        #expect(next([message(), failed(2, retryAt: now)]) == .ask(.next))
        let five = (2...6).map { failed($0, retryAt: now) }
        #expect(next([message()] + five) == .end(.failed(code: "MODEL_OVERLOADED", message: "busy")))
        #expect(next([message()] + five.dropLast()) == .ask(.next))
        #expect(
            next([message(), failed(2, retryAt: nil)]) == .end(.failed(code: "MODEL_OVERLOADED", message: "busy"))
        )
    }

    @Test func `a conversation that is too long is shortened once`() {
        let tooLong = failed(2, retryAt: nil, code: .contextExceeded)
        #expect(next([message(), tooLong]) == .ask(.shorter))
        let again = failed(3, retryAt: nil, code: .contextExceeded)
        #expect(
            next([message(), tooLong, again]) == .end(.failed(code: "MODEL_CONTEXT_EXCEEDED", message: "busy"))
        )
    }

    @Test func `at each limit there is one last answer`() {
        var limits = RunLimits()
        limits.turns = 3
        let usage = RunUsage(turns: 2)
        #expect(next([message()], limits: limits, usage: usage) == .ask(.last(.turns)))
        limits = RunLimits()
        limits.toolCalls = 2
        #expect(next([message()], limits: limits, usage: RunUsage(toolCalls: 2)) == .ask(.last(.toolCalls)))
        #expect(next([message()], deadline: now) == .ask(.last(.wallTime)))
        let answer = turn(2, "So far.", limit: .turns)
        #expect(next([message(), answer]) == .end(.completed(answer: "So far.", limit: .turns)))
    }

    @Test func `when the time is over nothing is waited for`() {
        let waiting = call(3, .write, .waiting, job: true)
        #expect(next([message(), turn(2, calls: 1), waiting], deadline: now) == .giveUp([3]))
    }

    @Test func `an answer that is not what it was to be is asked for once more`() throws {
        let schema = RawJSON(#"{"type":"object","required":["title"],"properties":{"title":{"type":"string"}}}"#)
        let good = turn(2, #"{"title":"Larks"}"#)
        #expect(
            next([message(), good], output: schema) == .end(.completed(answer: good.message?.text ?? "", limit: nil))
        )
        for text in ["no JSON", "{}", #"{"title":3}"#] {
            guard case .ask(.repair(let defect)) = next([message(), turn(2, text)], output: schema) else {
                Issue.record("\(text) is accepted")
                continue
            }
            #expect(
                next([message(), turn(2, text), turn(3, text, isRepair: true)], output: schema)
                    == .end(.failed(code: "OUTPUT_INVALID", message: defect))
            )
        }
        #expect(
            next([message(), turn(2, "{}"), turn(3, #"{"title":"x"}"#, isRepair: true)], output: schema)
                == .end(.completed(answer: #"{"title":"x"}"#, limit: nil))
        )
    }

    @Test func `who refuses has not answered, and who is cut off says so`() {
        let refused = turn(2, "No.", finish: .refused)
        #expect(
            next([message(), refused]) == .end(.failed(code: "MODEL_REFUSED", message: "the model will not answer"))
        )
        let cut = turn(2, "And then", finish: .length)
        #expect(next([message(), cut]) == .end(.completed(answer: "And then", limit: .answer)))
        #expect(next([message(), turn(2, "", finish: .paused)]) == .ask(.next))
    }

    @Test func `a wish to end comes before all else`() {
        #expect(next([message(), turn(2, calls: 1), call(3, .read)], isCancelled: true) == .end(.cancelled))
    }

    // What records are made of.

    private func next(
        _ steps: [RunStep],
        approval: RunSettings.Approval = .irreversible,
        limits: RunLimits = RunLimits(),
        usage: RunUsage = RunUsage(),
        output: RawJSON? = nil,
        deadline: Timestamp? = nil,
        isCancelled: Bool = false
    ) -> RunMove {
        var settings = RunSettings(model: "test")
        (settings.approval, settings.limits, settings.output) = (approval, limits, output)
        let ids = IdentifierSource()
        let run = Run(
            id: ids.next(),
            thread: ids.next(),
            project: nil,
            parent: nil,
            parentStep: nil,
            depth: 0,
            principal: Principal(name: "test", scopes: [.admin]),
            settings: settings,
            status: .running,
            waitsFor: nil,
            steps: steps.count,
            seq: 1,
            usage: usage,
            isCancelled: isCancelled,
            wakeAt: nil,
            deadline: deadline ?? now + .seconds(3_600),
            answer: nil,
            limitReached: nil,
            errorCode: nil,
            errorMessage: nil,
            trace: .root(),
            createdAt: now,
            startedAt: now,
            endedAt: nil,
            readAt: now
        )
        return RunPlan(run: run, steps: steps, now: now).next
    }

    private func step(
        _ n: Int,
        _ kind: RunStep.Kind,
        _ status: RunStep.Status = .done,
        message: ModelMessage? = nil,
        call: ModelToolCall? = nil,
        job: JobID? = nil,
        detail: RawJSON? = nil,
        errorCode: String? = nil,
        retryAt: Timestamp? = nil,
        effect: Tool.Effect? = nil,
        approval: RunApproval? = nil
    ) -> RunStep {
        RunStep(
            n: n,
            kind: kind,
            status: status,
            message: message,
            call: call,
            isUntrusted: false,
            job: job,
            child: nil,
            detail: detail,
            errorCode: errorCode,
            errorMessage: errorCode == nil ? nil : "busy",
            retryAt: retryAt,
            begunAt: now,
            endedAt: nil,
            effect: effect?.rawValue,
            approval: approval
        )
    }

    private func message() -> RunStep { step(1, .message, message: ModelMessage(.user, [.text("Hello?")])) }

    private func turn(
        _ n: Int,
        _ text: String = "",
        calls: Int = 0,
        finish: ModelFinish = .stop,
        limit: RunLimit? = nil,
        isRepair: Bool = false
    ) -> RunStep {
        var detail = RunTurnDetail()
        (detail.finish, detail.limit, detail.isRepair) = (finish, limit, isRepair)
        let asked = (0..<calls)
            .map { ModelPart.toolCall(ModelToolCall(id: "c\($0)", name: "t", arguments: .emptyObject)) }
        let said: [ModelPart] = text.isEmpty ? [] : [.text(text)]
        return step(
            n,
            .model,
            message: ModelMessage(.assistant, said + asked),
            detail: RawJSON(JSONWriter.bytes { $0.value(detail) })
        )
    }

    private func failed(_ n: Int, retryAt: Timestamp?, code: ModelFailure.Code = .overloaded) -> RunStep {
        step(n, .model, .failed, errorCode: code.rawValue, retryAt: retryAt)
    }

    private func call(
        _ n: Int,
        _ effect: Tool.Effect,
        _ status: RunStep.Status = .pending,
        _ approval: RunApproval? = nil,
        job: Bool = false
    ) -> RunStep {
        step(
            n,
            .tool,
            status,
            call: ModelToolCall(id: "c\(n)", name: "t", arguments: .emptyObject),
            job: job ? IdentifierSource().next() : nil,
            effect: effect,
            approval: approval
        )
    }

    private func approval(_ decision: RunApproval.Decision?, in term: Duration) -> RunApproval {
        RunApproval(
            tool: "t",
            digest: RunApproval.digest(of: .emptyObject),
            principal: "test",
            expiresAt: now + term,
            decision: decision,
            note: nil,
            decidedBy: nil,
            isConsumed: false
        )
    }
}
