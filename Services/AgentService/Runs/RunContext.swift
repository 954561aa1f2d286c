import Contracts
import Crypto
import JSON
import Kernel
import Postgres
import Store

/// What tells a run's model of its project.
struct RunContext: Sendable {
    typealias Source = @Sendable (Run) async throws -> RunContext?

    let told: AssembledContext

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
                return context.text.isEmpty ? nil : RunContext(told: context)
            } catch is ServiceError {
                return nil
            }
        }
    }

    /// What is recorded of what a turn was given: of its project not the words, but where they came from, and a digest
    /// that tells whether others would have been the same.
    static func summary(_ context: RunContext?, _ fit: RunTurn.Fit) -> RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object { json in
                    json.member("messages", fit.messages.count)
                    json.member("messages_left_out", fit.leftOut)
                    if let context { context.told.writeProvenance(to: &json) }
                }
            }
        )
    }
}

extension AssembledContext {
    fileprivate func writeProvenance(to json: inout JSONWriter) {
        let told = parts.filter { $0.omission == nil }
        json.member("tokens", tokens)
        json.member("read_at", readAt)
        json.member("sha256", Hex.encode(SHA256.hash(Array(text.utf8))))
        json.member("parts_left_out", parts.count - told.count)
        json.member("parts") { json in
            json.array { json in
                for part in told {
                    json.object {
                        $0.member("kind", part.kind.rawValue)
                        $0.member("id", part.id)
                        $0.member("version", part.version)
                    }
                }
            }
        }
    }
}
