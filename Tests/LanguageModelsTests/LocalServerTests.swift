import Concurrency
import Foundation
import HTTPClient
import JSON
import Telemetry
import Testing

@testable import LanguageModels

/// A server that others wrote: `LLAMA_SERVER_URL` names one of llama-cpp-python that was started with
/// `--chat_format chatml-function-calling`, or llama.cpp's own, with any weights. `LLAMA_SERVER_WIRES` lists the wires it
/// speaks, `openai-chat` by default. What it says may be noise; how it says it is not.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["LLAMA_SERVER_URL"] != nil),
    .timeLimit(.minutes(5)),
    .serialized
)
struct LocalServerTests {
    private let request = ModelRequest(
        model: "tiny",
        messages: [ModelMessage(.user, [.text("Look it up.")])],
        maximumOutputTokens: 400,
        temperature: 0,
        id: "local"
    )

    private static let wires = (ProcessInfo.processInfo.environment["LLAMA_SERVER_WIRES"] ?? "openai-chat")
        .split(separator: ",").compactMap { Wire(rawValue: String($0)) }

    private func model(_ wire: Wire) -> StreamedModel {
        let url = ProcessInfo.processInfo.environment["LLAMA_SERVER_URL"] ?? ""
        var settings = ProviderSettings(name: "llama", wire: wire, url: url + "/v1")
        settings.addresses = .any
        settings.options.tokenLimitMember = "max_tokens"
        return StreamedModel(
            settings: settings,
            client: Client(logger: .silent, metrics: Metrics()),
            metrics: ModelMetrics(Metrics(), provider: "llama")
        )
    }

    @Test(arguments: wires) func `text streams, and what was given out is what is said`(wire: Wire) async throws {
        let said = Log()
        let reply = try await model(wire).reply(to: request, trace: nil) { said.add($0) }
        #expect(reply.message.text == said.text)
        #expect([.stop, .length].contains(reply.finish))
        print("\(wire.rawValue): \(said.count) deltas, \(said.text.utf8.count) bytes, \(reply.finish), \(reply.usage)")
    }

    @Test(arguments: wires) func `a conversation that does not fit has no answer`(wire: Wire) async throws {
        var request = request
        request.messages = [ModelMessage(.user, [.text(String(repeating: "word ", count: 8000))])]
        let failure = await #expect(throws: ModelFailure.self) {
            _ = try await model(wire).reply(to: request, trace: nil) { _ in }
        }
        // The stream of llama-cpp-python just ends.
        #expect(failure?.code == .contextExceeded || failure?.code == .streamBroken)
        print("\(wire.rawValue): \(failure.map { "\($0)" } ?? "")")
    }

    @Test(.enabled(if: wires == [.openAIChat], "noise calls tools only where a grammar makes it"))
    func `a call is put together from its pieces`() async throws {
        var request = request
        let schema =
            #"{"type":"object","properties":{"n":{"type":"integer"},"yes":{"type":"boolean"}},"required":["n","yes"]}"#
        request.tools = [ModelTool(name: "card.find", summary: "finds", input: RawJSON(schema))]
        request.choice = .tool("card.find")
        let said = Log()
        let reply = try await model(.openAIChat).reply(to: request, trace: nil) { said.add($0) }
        let call = try #require(reply.message.toolCalls.first)
        #expect(reply.message.toolCalls.count == 1)
        #expect(call.name == "card.find")
        #expect(said.begun == ["card.find"])
        // Noise may go on until the limit; what then came is kept.
        #expect(call.defect == nil || reply.finish == .length)
        print(
            "\(call.name) \(String(decoding: call.arguments.bytes, as: UTF8.self)) \(call.text ?? ""), \(reply.finish)"
        )
    }

    private final class Log: Sendable {
        private let content = Lock<[ModelDelta]>([])
        func add(_ delta: ModelDelta) { content.withLock { $0.append(delta) } }
        var count: Int { content.withLock { $0.count } }
        var text: String {
            content.withLock { $0.reduce("") { if case .text(let text) = $1 { $0 + text } else { $0 } } }
        }
        var begun: [String] {
            content.withLock { $0.compactMap { if case .toolCall(let name) = $0 { name } else { nil } } }
        }
    }
}
