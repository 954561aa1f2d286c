import Contracts
import JSON
import Postgres
import Store

/// What tells a run's model of its project.
struct RunContext: Sendable {
    typealias Source = @Sendable (Run) async throws -> RunContext?

    let text: String
    let tokens: Int
    let parts: Int
    let leftOut: Int

    /// Where contexts come from: what there is to know of the project, assembled anew for every turn. A project or a
    /// card that is gone is no reason to stop.
    static func source(_ pool: Pool) -> Source {
        let assembly = ContextAssembly(pool: pool)
        return { run in
            guard run.settings.contextTokens > 0, run.project != nil || run.settings.card != nil else { return nil }
            let request = ContextRequest(
                project: run.project,
                card: run.settings.card,
                budget: run.settings.contextTokens,
                limit: run.principal.project
            )
            do {
                let context = try await assembly.assemble(request)
                guard !context.text.isEmpty else { return nil }
                let leftOut = context.parts.count { $0.omission != nil }
                return RunContext(
                    text: context.text,
                    tokens: context.tokens,
                    parts: context.parts.count - leftOut,
                    leftOut: leftOut
                )
            } catch is ServiceError {
                return nil
            }
        }
    }

    /// What is recorded of what a turn was given.
    static func summary(_ context: RunContext?, _ fit: RunTurn.Fit) -> RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object { json in
                    json.member("messages", fit.messages.count)
                    json.member("messages_left_out", fit.leftOut)
                    guard let context else { return }
                    json.member("tokens", context.tokens)
                    json.member("parts", context.parts)
                    json.member("parts_left_out", context.leftOut)
                }
            }
        )
    }
}
