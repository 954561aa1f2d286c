import JSON

/// What tells a run's model of its project.
struct RunContext: Sendable {
    typealias Source = @Sendable (Run) async throws -> RunContext?

    let text: String
    let tokens: Int
    let parts: Int
    let leftOut: Int

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
