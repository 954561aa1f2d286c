import LanguageModels

/// What is set aside before the model is asked, so that no limit is passed and one last answer always has its place.
struct RunReserve: Sendable {
    /// The shortest answer that is worth asking for.
    private static let shortest = 64

    /// How the model is asked: for the last time when nothing is left for more.
    let question: RunQuestion
    let answerTokens: Int
    let tokens: Int
    let cost: Int

    /// `nil` when not even a last answer is left: `limit` says by which limit.
    init?(_ turn: RunTurn, input: Int) {
        let answer = turn.answerTokens
        let left = RunReserve.answerTokens(left: turn, input: input)
        guard left >= min(RunReserve.shortest, answer) else { return nil }
        // After a turn that is not the last there must be room to read it again and to answer.
        let later = RunReserve.answerTokens(left: turn, input: input + answer + input + answer)
        var question = turn.question
        if case .last = question {} else if later < RunReserve.shortest { question = .last(RunReserve.limit(turn)) }
        self.question = question
        answerTokens = min(answer, left)
        tokens = input + answerTokens
        cost = turn.facts.cost(of: ModelUsage(inputTokens: input, outputTokens: answerTokens)) ?? 0
    }

    /// The limit that leaves the least.
    static func limit(_ turn: RunTurn) -> RunLimit {
        let limits = turn.run.settings.limits
        guard let cost = limits.cost else { return .tokens }
        guard let tokens = limits.tokens else { return .cost }
        let usage = turn.run.usage
        return Double(usage.cost) / Double(cost) > Double(usage.tokens) / Double(tokens) ? .cost : .tokens
    }

    /// How many tokens an answer may have when so many go in.
    private static func answerTokens(left turn: RunTurn, input: Int) -> Int {
        let (limits, usage) = (turn.run.settings.limits, turn.run.usage)
        var left = Int.max
        if let tokens = limits.tokens { left = tokens - usage.tokens - input }
        if let cost = limits.cost, let price = turn.facts.prices.output, price > 0,
            let spent = turn.facts.cost(of: ModelUsage(inputTokens: input))
        {
            left = min(left, Int(clamping: Int128(cost - usage.cost - spent) * 1_000_000 / Int128(price)))
        }
        return left
    }
}
