import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import Telemetry

/// Asks the model of a run, and records what it answered or why it did not.
struct RunAsker: Sendable {
    let ledger: RunLedger
    let models: ModelCatalog
    let calls: RunCalls
    let context: RunContext.Source
    let deltas: RunDeltas
    let telemetry: RunTelemetry
    let logger: Logger
    /// How long a failed turn waits where its provider names no time.
    var backoff = Backoff(from: .seconds(1), cap: .seconds(60))

    /// Asks. Returns how the run ends when the model cannot be asked at all.
    func ask(_ question: RunQuestion, _ run: Run, _ steps: [RunStep], _ lease: RunLease) async throws -> RunEnding? {
        guard let (model, name, facts) = models.find(run.settings.model) else {
            return .failed(code: "UNKNOWN_MODEL", message: "no model is configured as \(run.settings.model)")
        }
        let context = try await context(run)
        var turn = RunTurn(
            run: run,
            question: question,
            facts: facts,
            tools: offered(run),
            context: context?.told.text,
            earlier: try await earlier(run),
            steps: steps
        )
        var fit = try turn.fit()
        guard let reserve = RunReserve(turn, input: turn.inputTokens(fit)) else {
            let limit = RunReserve.limit(turn)
            return .completed(
                answer: "This run stopped at its limit of \(limit.rawValue) before it had an answer.",
                limit: limit
            )
        }
        if reserve.question != turn.question {
            turn.question = reserve.question
            fit = try turn.fit()
        }
        try await ledger.write(lease, [RunStatements.reserve(run.id, tokens: reserve.tokens, cost: reserve.cost)])
        let n = (steps.last?.n ?? 0) + 1
        let request = turn.request(fit, model: name, step: n, answerTokens: reserve.answerTokens)
        var detail = RunTurnDetail()
        detail.model = run.settings.model
        detail.context = RunContext.summary(context, fit)
        if case .repair = turn.question { detail.isRepair = true }
        if case .last(let limit) = turn.question { detail.limit = limit }
        let pieces = RunDeltas.Turn(
            run: run.id,
            thread: run.thread,
            step: n,
            fence: lease.fence,
            trace: run.trace.traceparent
        )
        let result: Result<ModelReply, ModelFailure>
        let begin = ContinuousClock.now
        do {
            result = .success(
                try await telemetry.turn(request, by: model.provider, in: run) { trace in
                    try await model.reply(to: request, trace: trace) { deltas.add($0, to: pieces) }
                }
            )
        } catch let failure as ModelFailure {
            result = .failure(failure)
        }
        detail.duration = .now - begin
        try await deltas.end(pieces)
        switch result {
        case .success(let reply):
            detail.take(reply, cost: facts.cost(of: reply.usage))
            try await record(reply, detail, run, n, lease)
        case .failure(let failure): try await record(failure, detail, run, steps, n, lease)
        }
        return nil
    }

    private func offered(_ run: Run) -> [ModelTool] {
        calls.tools(for: run)
            .map { tool in
                ModelTool(
                    name: tool.name,
                    summary: tool.summary,
                    input: tool.shownInput
                )
            } + [DelegateTool.tool(for: run)].compactMap { $0 }
    }

    /// What was said in the thread before this run.
    private func earlier(_ run: Run) async throws -> [RunUtterance] {
        try await ledger.pool.query(RunStepStatements.transcript(run.thread, before: run.id, atMost: 500))
            .map(RunUtterance.init)
            .reversed()
    }

    private func record(_ reply: ModelReply, _ detail: RunTurnDetail, _ run: Run, _ n: Int, _ lease: RunLease)
        async throws
    {
        var message = reply.message
        // Calls of an answer that was cut off may be cut off themselves; in a last turn nothing may be called.
        if detail.limit != nil || reply.finish == .length || reply.finish == .refused {
            message.parts.removeAll { if case .toolCall = $0 { true } else { false } }
        }
        let effects = Dictionary(calls.tools(for: run).map { ($0.name, $0.effect) }) { first, _ in first }
        var statements = [
            RunStepStatements.addTurn(run.id, n: n, message: message, detail: detail),
            RunStatements.charge(
                run.id,
                turns: 1,
                input: reply.usage.inputTokens,
                output: reply.usage.outputTokens,
                cost: detail.cost ?? 0
            ),
            RunEventStatements.append("step", of: run.id, step: n),
        ]
        for (offset, call) in message.toolCalls.enumerated() {
            let effect = effects[call.name] ?? .read
            statements.append(RunStepStatements.addCall(run.id, n: n + 1 + offset, call, effect: effect))
            guard let defect = call.defect else { continue }
            let text = "The arguments are no JSON object: \(defect)"
            let result = ModelToolResult(callID: call.id, name: call.name, text: text, isError: true)
            statements.append(
                RunStepStatements.finish(
                    run.id,
                    n: n + 1 + offset,
                    result,
                    isUntrusted: false,
                    code: ErrorCode.invalidJSON.text
                )
            )
        }
        try await ledger.write(lease, statements)
    }

    private func record(
        _ failure: ModelFailure,
        _ detail: RunTurnDetail,
        _ run: Run,
        _ steps: [RunStep],
        _ n: Int,
        _ lease: RunLease
    ) async throws {
        let failures = RunPlan.failures(steps).count + 1
        let pause = max(failure.retryAfter ?? .zero, backoff.wait(afterAttempt: failures, random: .system))
        logger.warning(
            "a model did not answer",
            ["run_id": run.id, "model": run.settings.model, "code": failure.code.rawValue, "failures": failures]
        )
        try await ledger.write(
            lease,
            [
                RunStepStatements.addFailedTurn(
                    run.id,
                    n: n,
                    code: failure.code.rawValue,
                    message: failure.message,
                    retryIn: failure.isRetryable ? pause : nil,
                    detail: detail
                ),
                RunStatements.charge(run.id, turns: 0, input: 0, output: 0, cost: 0),
                RunEventStatements.append("step", of: run.id, step: n),
            ]
        )
    }
}
