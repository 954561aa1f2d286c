import Contracts
import Postgres

/// Assembles what a model is told of a project: read at one moment, chosen by a budget, the same bytes for the same data.
///
/// ```
///   ContextReading ──▶ ContextLines ──▶ ContextPlan ──▶ AssembledContext
///   one snapshot        a line each       what fits        text and reasons
/// ```
struct ContextAssembly: Sendable {
    let pool: Pool

    /// Assembles a context; an empty one for neither a project nor a card.
    ///
    /// - Throws: `PROJECT_NOT_FOUND`, or `CARD_NOT_FOUND` for a card that is not there, or not in the project.
    func assemble(_ request: ContextRequest) async throws -> AssembledContext {
        guard let reading = try await ContextReading.read(request, in: pool) else { return .empty }
        let lines = ContextLines(reading)
        var frame = ContextFrame.part
        let plan = ContextPlan(lines.lines.map(\.part), budget: request.budget - frame.tokens)
        var text = Array(ContextFrame.opening.utf8)
        for (line, part) in zip(lines.lines, plan.parts) where part.omission == nil { text += lines.text[line.range] }
        text += ContextFrame.closing.utf8
        // A frame around nothing says nothing.
        let isEmpty = plan.tokens == 0
        if isEmpty { frame.omission = .overBudget }
        return AssembledContext(
            text: isEmpty ? "" : String(decoding: text, as: UTF8.self),
            tokens: isEmpty ? 0 : frame.tokens + plan.tokens,
            parts: [frame] + plan.parts,
            unread: reading.unread,
            readAt: reading.readAt
        )
    }
}
