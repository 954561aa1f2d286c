import Foundation
import JSON
import LanguageModels
import Settings
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// Runs of agents with a provider at the other end of a wire.
@Suite(.timeLimit(.minutes(2))) struct RunProviderTests {
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

    @Test func `what a provider does wrong is a named error in the step, and the run ends or goes on by rule`()
        async throws
    {
        let cases: [(fault: ScriptedAnswer.Fault, code: String, goesOn: Bool)] = [
            (.refused(status: 401), "MODEL_UNAUTHENTICATED", false),
            (.refused(status: 400, type: "invalid_request_error"), "MODEL_REQUEST_REFUSED", false),
            (.refused(status: 429, headers: ["Retry-After: 0"]), "MODEL_RATE_LIMITED", true),
            (.refused(status: 529), "MODEL_OVERLOADED", true), (.refused(status: 500), "MODEL_FAILED", true),
            (.disconnected(afterEvents: 2), "MODEL_STREAM_BROKEN", true), (.missingEnd, "MODEL_STREAM_BROKEN", true),
            (.silent(afterEvents: 1), "MODEL_TIMED_OUT", true), (.garbage, "MODEL_ANSWER_INVALID", false),
        ]
        for (fault, code, goesOn) in cases {
            let server = ScriptedModelServer([ScriptedAnswer("Half an answer", fault: fault), ScriptedAnswer("Whole.")])
            let models = try RunProviderTests.catalog(.openAIChat, server.url)
            try await AgentFixture.run(["AGENT_MODEL": "test/m-1"], models: models) { agent in
                let id = try await agent.say("Hello?")
                let run = try await agent.ended(id)
                let failed = try await agent.steps(id).dropFirst().first
                #expect(failed?["error_code"]?.string == code, "\(fault)")
                let text = failed.map { String(decoding: $0.raw.bytes, as: UTF8.self) } ?? ""
                #expect(!text.contains("key-of-mine"))
                if goesOn {
                    #expect(run["status"]?.string == "completed" && run["answer"]?.string == "Whole.", "\(fault)")
                } else {
                    #expect(run["status"]?.string == "failed" && run["error_code"]?.string == code, "\(fault)")
                }
            }
        }
    }

    private static func catalog(_ wire: Wire, _ url: String) throws -> ModelCatalog {
        let file = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString).json")
        let base = wire == .ollama ? url : url + "/v1"
        let text = """
            {"providers": [{"name": "test", "wire": "\(wire.rawValue)", "url": "\(base)", "api_key": "key-of-mine",
                            "allow_private_addresses": true, "idle_timeout_ms": 500, "retries": 0,
                            "models": [{"name": "m-1"}]}]}
            """
        try Data(text.utf8).write(to: file)
        var reader = SettingsReader(environment: ["MODEL_PROVIDERS_FILE": file.path])
        let settings = ModelSettings(&reader, environment: [:])
        try FileManager.default.removeItem(at: file)
        try #require(reader.problems == [])
        return settings.catalog(logger: .silent, metrics: Metrics())
    }
}
