import Foundation
import HTTPClient
import JSON
import Kernel
import Settings
import Telemetry
import Testing

@testable import LanguageModels

@Suite struct ModelSettingsTests {
    private func problems(_ json: String, _ environment: [String: String] = [:]) -> [String] {
        ModelProviderFile.read(json, environment: environment).problems
    }

    private func settings(_ environment: [String: String]) -> (ModelSettings, [String]) {
        var reader = SettingsReader(environment: environment)
        let settings = ModelSettings(&reader, environment: environment)
        return (settings, reader.problems)
    }

    @Test func `every mistake of the file is named at its place`() {
        #expect(
            problems(
                #"{"providers":[{"name":"a/b","wire":"ollama","url":"ftp://x.example","api_key":"${KEY}","headers":{"X":"${GONE}"}}]}"#
            ) == [
                "at '/providers/0/name' must not be 'rules' and have no slash",
                "at '/providers/0/url' must begin with http:// or https://",
                "at '/providers/0' must have models, or any_model",
                "at '/providers/0/api_key' names the variable 'KEY', which is not set",
                "at '/providers/0/headers/X' names the variable 'GONE', which is not set",
            ]
        )
        #expect(
            problems(
                #"{"providers":[{"name":"rules","wire":"openai-chat","url":"http://x.example","models":[{"name":"m"},{"name":"m"}]}]}"#
            ) == [
                "at '/providers/0/name' must not be 'rules' and have no slash",
                "at '/providers/0/models/1/name' stands there twice",
            ]
        )
        #expect(problems(#"{"providers":[{"name":"a","wire":"smoke","url":"http://x.example"}]}"#).count == 1)
        #expect(problems("{").count == 1)
    }

    @Test func `the catalogue finds what is configured`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(
            """
            {"providers": [{
              "name": "acme", "wire": "openai-responses", "url": "https://api.acme.example/v1/", "api_key": "${ACME_KEY}",
              "headers": {"X-Team": "birds"}, "idle_timeout_ms": 1000, "retries": 1, "encrypted_reasoning": false,
              "models": [{"name": "big/one", "context_tokens": 1000, "maximum_output_tokens": 100,
                          "prices": {"input": 1000000, "output": 2000000}}]}]}
            """
            .utf8
        )
        .write(to: file)
        let (settings, problems) = settings([
            "MODEL_PROVIDERS_FILE": file.path, "ACME_KEY": "secret-key", "OPENAI_API_KEY": "k",
            "OLLAMA_URL": "http://localhost:1",
        ])
        #expect(problems == [])
        let acme = try #require(settings.providers.first)
        #expect(acme.endpoint == "https://api.acme.example/v1/responses")
        #expect(acme.key?.reveal() == "secret-key")
        #expect(acme.timeouts.idle == .seconds(1) && acme.timeouts.total == .seconds(600))
        #expect(acme.addresses == .publicOnly && settings.providers.last?.addresses == .any)
        #expect(acme.shown("your secret-key is wrong") == "your ••• is wrong")
        let catalog = settings.catalog(logger: .silent, metrics: Metrics())
        #expect(catalog.names == ["rules", "acme/big/one", "openai/*", "ollama/*"])
        let found = try #require(catalog.find("acme/big/one"))
        #expect(found.name == "big/one")
        #expect(found.model.provider == "acme")
        #expect(found.facts.cost(of: ModelUsage(inputTokens: 10, outputTokens: 1)) == 12)
        #expect(catalog.find("acme/small") == nil)
        #expect(catalog.find("ollama/any:7b")?.name == "any:7b")
        #expect(catalog.find("rules")?.facts.cost(of: ModelUsage(inputTokens: 10)) == 0)
        for name in ["", "openai", "openai/", "nobody/x"] { #expect(catalog.find(name) == nil) }
    }

    @Test func `a provider's name is taken once`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(
            #"{"providers":[{"name":"openai","wire":"anthropic","url":"https://x.example","any_model":true}]}"#.utf8
        )
        .write(to: file)
        let (_, problems) = settings(["MODEL_PROVIDERS_FILE": file.path, "OPENAI_API_KEY": "k"])
        #expect(problems == ["the provider of models 'openai' is configured more than once"])
        #expect(settings(["OLLAMA_URL": "localhost:1"]).1 == ["OLLAMA_URL must begin with http:// or https://"])
        #expect(
            settings(["MODEL_PROVIDERS_FILE": "/none"]).1 == ["MODEL_PROVIDERS_FILE names a file that cannot be read"]
        )
    }
}
