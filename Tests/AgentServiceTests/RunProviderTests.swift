import Contracts
import Foundation
import JSON
import LanguageModels
import Settings
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// Runs over the real wires of providers, good ones and bad ones.
@Suite(.timeLimit(.minutes(2))) struct RunProviderTests {
    @Test(arguments: ["openai-chat", "openai-responses", "anthropic", "ollama"])
    func `an agent calls tools and answers over every wire`(wire: String) async throws {
        let server = ScriptedModelServer([
            ScriptedAnswer(
                "I look.",
                reasoning: "Which projects are there?",
                calls: [.init("a", "list_projects", "{}"), .init("b", "create_project", #"{"title":"Läufe"}"#)]
            ),
            ScriptedAnswer("There is one: Läufe."),
        ])
        try await RunProviderTests.agent(wire, server) { agent in
            let id = try await agent.say("What is there?", #""model":"test/any","approval":"none""#)
            let run = try await agent.ended(id)
            #expect(run["answer"]?.string == "There is one: Läufe.")
            #expect(run["usage"]?["turns"]?.int == 2 && run["usage"]?["tool_calls"]?.int == 2)
            #expect(run["usage"]?["output_tokens"]?.int ?? 0 > 0)
            let projects = try await agent.send("GET", "/api/projects").json["items"]
            #expect(projects?.elements.map { $0["title"]?.string } == ["Läufe"])
            let second = try #require(server.requests.last)
            #expect(String(decoding: second.body.raw.bytes, as: UTF8.self).contains("project_id"))
        }
    }

    @Test func `what a provider does wrong is a named error in the step, and the run ends or goes on by rule`() async throws {
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
            try await RunProviderTests.agent("openai-chat", server) { agent in
                let id = try await agent.say("Hello?", #""model":"test/any""#)
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

    /// Runs `body` with an agent whose only provider is the server, called `test`.
    private static func agent(
        _ wire: String,
        _ server: ScriptedModelServer,
        _ body: @escaping @Sendable (AgentFixture) async throws -> Void
    ) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "providers-\(UUID()).json")
        defer { do { try FileManager.default.removeItem(at: file) } catch { Issue.record(error) } }
        let providers = #"""
            {"providers":[{"name":"test","wire":"\#(wire)","url":"\#(server.url)\#(wire == "ollama" ? "" : "/v1")",
            "api_key":"key-of-mine","any_model":true,"allow_private_addresses":true,"idle_timeout_ms":500,"retries":0}]}
            """#
        try Data(providers.utf8).write(to: file)
        var reader = SettingsReader(environment: ["MODEL_PROVIDERS_FILE": file.path])
        let models = ModelSettings(&reader, environment: [:])
        try #require(reader.problems == [])
        try await AgentFixture.run(models: models.catalog(logger: .silent, metrics: Metrics()), body)
    }
}
