import Foundation
import JSON
import LanguageModels
import Settings
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// Runs of agents with a provider at the other end of a wire.
@Suite(.timeLimit(.minutes(1))) struct RunProviderTests {
    @Test(arguments: Wire.allCases)
    func `a run calls a tool and answers, over every wire`(wire: Wire) async throws {
        let server = ScriptedModelServer([
            ScriptedAnswer(
                "Let me look.",
                reasoning: "There may be projects.",
                calls: [.init("call_a", "list_projects", "{}")],
                delivery: .pieces(3)
            ), ScriptedAnswer("None yet."),
        ])
        let models = try RunProviderTests.catalog(wire, server.url)
        try await AgentFixture.run(["AGENT_MODEL": "test/m-1"], models: models) { agent in
            let id = try await agent.say("Which projects are there?")
            let run = try await agent.ended(id)
            #expect(run["status"]?.string == "completed" && run["answer"]?.string == "None yet.", "\(run.raw)")
            #expect(run["usage"]?["input_tokens"]?.int == 40 && run["usage"]?["output_tokens"]?.int == 20)
            #expect(try await agent.steps(id).map { $0["kind"]?.string } == ["message", "model", "tool", "model"])
            #expect(server.requests.count == 2)
            let second = try #require(server.requests.last?.body)
            let conversation = String(decoding: second.raw.bytes, as: UTF8.self)
            #expect(conversation.contains("list_projects"))
            // What was thought goes back over the wires that want it.
            let thought: String? =
                switch wire {
                case .anthropic: #""signature":"c2lnbmVk""#
                case .openAIResponses: #""encrypted_content":"c2VjcmV0""#
                case .openAIChat, .ollama: nil
                }
            if let thought { #expect(conversation.contains(thought)) }
        }
    }

    @Test func `a provider that asks for patience is come back to`() async throws {
        let busy = ScriptedAnswer.Fault.refused(status: 429, headers: ["Retry-After: 9"], type: "rate_limit_error")
        let server = ScriptedModelServer([ScriptedAnswer(fault: busy)])
        let models = try RunProviderTests.catalog(.anthropic, server.url)
        try await AgentFixture.run(["AGENT_MODEL": "test/m-1"], models: models) { agent in
            let id = try await agent.say("Hello.")
            try await eventually("the provider has refused") { server.requests.count == 1 }
            let run = try await agent.run(id, is: [.waiting, .queued])
            #expect(run["error"]?.isNull != false)
        }
    }

    private static func catalog(_ wire: Wire, _ url: String) throws -> ModelCatalog {
        let file = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString).json")
        let base = wire == .ollama ? url : url + "/v1"
        let text = """
            {"providers": [{"name": "test", "wire": "\(wire.rawValue)", "url": "\(base)", "api_key": "key-of-mine",
                            "allow_private_addresses": true, "models": [{"name": "m-1"}]}]}
            """
        try Data(text.utf8).write(to: file)
        var reader = SettingsReader(environment: ["MODEL_PROVIDERS_FILE": file.path])
        let settings = ModelSettings(&reader, environment: [:])
        try FileManager.default.removeItem(at: file)
        try #require(reader.problems == [])
        return settings.catalog(logger: .silent, metrics: Metrics())
    }
}
