import Contracts
import Crypto
import JSON
import Kernel
import Testing

@testable import AgentService

/// What is on record of what a turn was told.
@Suite(.timeLimit(.minutes(1))) struct RunProvenanceTests {
    @Test func `a turn records which versions it was told of, and a digest of the words`() async throws {
        let model = ScriptedModel { _, _ in .says("I see.") }
        try await AgentFixture.run(["AGENT_MODEL": "script/model"], models: model.catalog()) { agent in
            let (project, card) = try await agent.card()
            let thread = try await agent.thread(in: project)
            var digests: Set<String> = []
            for version in 1...2 {
                let run = try await agent.say("Look.", in: thread)
                _ = try await agent.ended(run)
                let told = try #require(try await agent.steps(run)[1]["detail"]?["context"])
                let parts = told["parts"]?.elements.map { $0 } ?? []
                #expect(parts.contains { $0["kind"]?.string == "project" && $0["id"]?.string == "\(project)" })
                let ofCard = try #require(parts.first { $0["id"]?.string == "\(card)" })
                #expect(ofCard["kind"]?.string == "card" && ofCard["version"]?.int == version)
                #expect(told["parts_left_out"]?.int == 0 && told["read_at"]?.string != nil)
                // The same data gives the same words to those who ask for them afterwards.
                let shown = try await agent.send("POST", "/api/projects/\(project)/context", #"{"budget":4000}"#)
                let text = try #require(shown.json["text"]?.string)
                #expect(told["sha256"]?.string == Hex.encode(SHA256.hash(Array(text.utf8))))
                digests.insert(told["sha256"]?.string ?? "")
                #expect(try await agent.send("PATCH", "/api/cards/\(card)", #"{"title":"Another"}"#).status == 200)
            }
            #expect(digests.count == 2)
        }
    }
}
