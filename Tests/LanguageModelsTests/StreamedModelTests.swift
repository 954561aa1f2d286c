import Concurrency
import HTTPClient
import JSON
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import LanguageModels

@Suite(.timeLimit(.minutes(1))) struct StreamedModelTests {
    static let answer = ScriptedAnswer(
        "Grüße, \u{1F600}! This is more than one piece.",
        reasoning: "I should look it up.",
        calls: [.init("call_a", "card_find", #"{"word":"läßt","n":[1,{"x":2}]}"#), .init("call_b", "list", "{}")]
    )

    private final class Deltas: Sendable {
        private let content = Lock<[ModelDelta]>([])
        let first = Promise<Void>()
        func add(_ delta: ModelDelta) {
            content.withLock { $0.append(delta) }
            first.succeed(())
        }
        var all: [ModelDelta] { content.withLock { $0 } }
        var text: String { all.reduce("") { if case .text(let text) = $1 { $0 + text } else { $0 } } }
    }

    private func model(
        _ wire: Wire,
        _ server: ScriptedModelServer,
        _ change: (inout ProviderSettings) -> Void = { _ in }
    ) -> StreamedModel {
        let version = wire == .ollama ? "" : "/v1"
        var settings = ProviderSettings(name: "test", wire: wire, url: server.url + version, key: Secret("key-of-mine"))
        settings.addresses = .any
        settings.backoff = Backoff(from: .milliseconds(1), cap: .seconds(1))
        change(&settings)
        let client = Client(logger: .silent, metrics: Metrics())
        return StreamedModel(settings: settings, client: client, metrics: ModelMetrics(Metrics(), provider: "test"))
    }

    private let request = ModelRequest(
        model: "m-1",
        instructions: "Be brief.",
        messages: [ModelMessage(.user, [.text("Look it up.")])],
        tools: [
            ModelTool(name: "card.find", summary: "finds", input: RawJSON(#"{"type":"object"}"#)),
            ModelTool(name: "list", summary: "lists", input: RawJSON(#"{"type":"object"}"#)),
        ],
        id: "run-1/step-2"
    )

    private func failure(
        _ wire: Wire,
        _ answers: [ScriptedAnswer],
        _ change: (inout ProviderSettings) -> Void = { _ in }
    ) async -> (ModelFailure?, ScriptedModelServer) {
        let server = ScriptedModelServer(answers)
        do {
            _ = try await model(wire, server, change).reply(to: request, trace: nil) { _ in }
            return (nil, server)
        } catch {
            return (error as? ModelFailure, server)
        }
    }

    @Test(arguments: Wire.allCases, [ScriptedAnswer.Delivery.events, .crlf, .pieces(1), .pieces(5)])
    func `an answer arrives, however it travels`(wire: Wire, delivery: ScriptedAnswer.Delivery) async throws {
        var answer = Self.answer
        answer.delivery = delivery
        let server = ScriptedModelServer([answer])
        let deltas = Deltas()
        let trace = TraceContext.root()
        let reply = try await model(wire, server).reply(to: request, trace: trace) { deltas.add($0) }
        #expect(reply.message.text == answer.text)
        #expect(deltas.text == answer.text)
        #expect(deltas.all.contains(.toolCall(name: "card.find")))
        #expect(reply.message.toolCalls.map(\.name) == ["card.find", "list"])
        #expect(reply.message.toolCalls.map(\.arguments) == answer.calls.map { RawJSON($0.arguments) })
        let ids = wire == .ollama ? ["call_0", "call_1"] : ["call_a", "call_b"]
        #expect(reply.message.toolCalls.map(\.id) == ids)
        #expect(reply.finish == .toolCalls)
        #expect(reply.usage.inputTokens == 20 && reply.usage.outputTokens == 10 && !reply.usage.isEstimated)
        #expect(reply.model == "m-1")
        #expect(reply.timeToFirstChunk != nil)
        let seen = try #require(server.requests.first)
        let key = wire == .anthropic ? seen.headers["x-api-key"] : seen.headers["authorization"]
        #expect(key == (wire == .anthropic ? "key-of-mine" : "Bearer key-of-mine"))
        #expect(seen.headers["traceparent"] == trace.traceparent)
        if wire != .ollama { #expect(seen.headers["idempotency-key"] == "run-1/step-2") }
    }

    @Test(arguments: ScriptedAnswer.CallStyle.allCases)
    func `calls are put together as servers cut them up`(style: ScriptedAnswer.CallStyle) async throws {
        var answer = Self.answer
        answer.style = style
        let server = ScriptedModelServer([answer])
        let reply = try await model(.openAIChat, server).reply(to: request, trace: nil) { _ in }
        #expect(reply.message.toolCalls.map(\.name) == ["card.find", "list"])
        #expect(reply.message.toolCalls.map(\.arguments) == answer.calls.map { RawJSON($0.arguments) })
        #expect(reply.message.toolCalls.allSatisfy { $0.defect == nil })
        #expect(Set(reply.message.toolCalls.map(\.id)).count == 2)
    }

    @Test(
        arguments: Wire.allCases,
        [
            ["Retry-After: 0"], ["retry-after-ms: 20"], ["Retry-After: Thu, 01 Jan 1970 00:00:00 GMT"],
        ]
    )
    func `what passes is tried again, and then it answers`(wire: Wire, headers: [String]) async throws {
        let server = ScriptedModelServer([
            ScriptedAnswer(fault: .refused(status: 429, headers: headers, type: "rate_limit_error")),
            ScriptedAnswer(fault: .refused(status: 529, type: "overloaded_error")), Self.answer,
        ])
        let reply = try await model(wire, server).reply(to: request, trace: nil) { _ in }
        #expect(reply.message.text == Self.answer.text)
        #expect(server.requests.count == 3)
        #expect(Set(server.requests.map { $0.body.raw }).count == 1)
    }

    @Test func `a wait that is too long is told, and not waited for`() async {
        let refused = ScriptedAnswer(
            fault: .refused(status: 429, headers: ["Retry-After: 30"], type: "rate_limit_error")
        )
        let (failure, server) = await failure(.anthropic, [refused])
        #expect(failure?.code == .rateLimited)
        #expect(failure?.isRetryable == true)
        #expect(failure?.retryAfter == .seconds(30))
        #expect(failure?.requestID == "req_1")
        #expect(server.requests.count == 1)
    }

    @Test(arguments: Wire.allCases) func `what will not pass is not tried again`(wire: Wire) async {
        for (status, type, code) in [
            (429, "insufficient_quota", ModelFailure.Code.quotaExceeded),
            (400, "invalid_request_error", .requestRefused),
            (401, "authentication_error", .unauthenticated),
        ] {
            let refused = ScriptedAnswer(
                fault: .refused(status: status, headers: ["x-should-retry: \(code == .quotaExceeded)"], type: type)
            )
            let (failure, server) = await failure(wire, [refused])
            #expect(failure?.code == code)
            #expect(failure?.isRetryable == false)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `the provider's own word on trying again wins`() async {
        let never = ScriptedAnswer(fault: .refused(status: 500, headers: ["x-should-retry: false"]))
        let (failed, server) = await failure(.openAIChat, [never])
        #expect(failed?.isRetryable == false && server.requests.count == 1)
        let always = ScriptedAnswer(fault: .refused(status: 400, headers: ["x-should-retry: true"]))
        let (refused, other) = await failure(.openAIChat, [always])
        #expect(refused?.code == .failed || refused?.isRetryable == true)
        #expect(other.requests.count == 3)
    }

    @Test func `a key that is repeated is not shown`() async {
        let refused = ScriptedAnswer(
            fault: .refused(status: 400, type: "invalid_request_error", message: "who is key-of-mine?")
        )
        let (failure, _) = await failure(.openAIResponses, [refused])
        #expect(failure?.message == "the provider answered with status 400: who is •••?")
    }

    @Test(arguments: Wire.allCases) func `a broken answer is tried again only before its first piece`(wire: Wire) async
    {
        var faults: [ScriptedAnswer.Fault] = [.missingEnd, .disconnected(afterEvents: 7)]
        faults.append(.failed(afterEvents: 7, type: "overloaded_error"))
        for fault in faults {
            let answer = ScriptedAnswer("A long text that has several pieces.", reasoning: "Thought.", fault: fault)
            let (failure, server) = await failure(wire, [answer])
            if case .failed = fault {
                #expect(failure?.code == (wire == .ollama ? .failed : .overloaded))
            } else {
                #expect(failure?.code == .streamBroken)
            }
            #expect(failure?.hasStreamed == true)
            #expect(failure?.isRetryable == true)
            #expect(server.requests.count == 1)
        }
    }

    @Test(arguments: Wire.allCases) func `an answer that breaks before its first piece is asked for again`(wire: Wire)
        async throws
    {
        let server = ScriptedModelServer([
            ScriptedAnswer("never", fault: .disconnected(afterEvents: 0)),
            ScriptedAnswer("never", fault: .failed(afterEvents: 0, type: "overloaded_error")), Self.answer,
        ])
        let deltas = Deltas()
        let reply = try await model(wire, server).reply(to: request, trace: nil) { deltas.add($0) }
        #expect(reply.message.text == Self.answer.text)
        #expect(deltas.text == Self.answer.text)
        #expect(server.requests.count == 3)
    }

    @Test(arguments: Wire.allCases) func `silence has an end, before and behind the first piece`(wire: Wire)
        async throws
    {
        for count in [0, 8] {
            let answer = ScriptedAnswer("A long text that has several pieces.", fault: .silent(afterEvents: count))
            let (failure, server) = await failure(wire, [answer]) {
                $0.timeouts.idle = .seconds(1)
                $0.retries = 1
            }
            #expect(failure?.code == .timedOut)
            #expect(failure?.hasStreamed == (count > 0))
            try await eventually("every attempt has been seen") { server.requests.count == (count > 0 ? 1 : 2) }
        }
    }

    @Test(arguments: Wire.allCases) func `a whole answer is not held up by a server that does not close`(wire: Wire)
        async throws
    {
        var answer = Self.answer
        answer.fault = .silent(afterEvents: .max)
        let server = ScriptedModelServer([answer])
        let reply = try await model(wire, server).reply(to: request, trace: nil) { _ in }
        #expect(reply.message.text == answer.text)
        #expect(reply.usage.inputTokens == 20 && !reply.usage.isEstimated)
    }

    @Test func `all attempts together have an end`() async {
        let (failure, _) = await failure(.openAIChat, [ScriptedAnswer(fault: .silent(afterEvents: 0))]) {
            $0.timeouts.total = .milliseconds(300)
            $0.retries = 10
        }
        #expect(failure?.code == .timedOut)
    }

    @Test(arguments: Wire.allCases) func `garbage, pages and lies are named`(wire: Wire) async {
        #expect(await failure(wire, [ScriptedAnswer(fault: .garbage)]).0?.code == .answerInvalid)
        #expect(await failure(wire, [ScriptedAnswer(fault: .page)]).0?.code == .answerInvalid)
        let short = ScriptedAnswer(String(repeating: "said ", count: 40), fault: .wrongLength(by: -600))
        #expect(await failure(wire, [short]).0?.code == .streamBroken)
        // Nothing is missing, so nothing is lost: what was promised besides is not waited for.
        let long = ScriptedAnswer("said", fault: .wrongLength(by: 10))
        #expect(await failure(wire, [long]).0 == nil)
    }

    @Test(arguments: Wire.allCases) func `an answer without an end is cut off`(wire: Wire) async throws {
        let server = ScriptedModelServer([ScriptedAnswer(fault: .endless)])
        let failure = await #expect(throws: ModelFailure.self) {
            _ = try await model(wire, server, { $0.limits.bytes = 256 << 10 }).reply(to: request, trace: nil) { _ in }
        }
        #expect(failure?.code == .answerTooLarge)
        #expect(failure?.isRetryable == false)
    }

    @Test func `nobody at home is unreachable`() async throws {
        var settings = ProviderSettings(name: "test", wire: .ollama, url: "http://127.0.0.1:1")
        settings.addresses = .any
        settings.backoff = Backoff(from: .milliseconds(1), cap: .milliseconds(2))
        let model = StreamedModel(
            settings: settings,
            client: Client(logger: .silent, metrics: Metrics()),
            metrics: ModelMetrics(Metrics(), provider: "test")
        )
        let failure = await #expect(throws: ModelFailure.self) {
            _ = try await model.reply(to: request, trace: nil) { _ in }
        }
        #expect(failure?.code == .unreachable)
        #expect(failure?.isRetryable == true)
    }

    @Test func `cancellation ends an answer at once`() async throws {
        let server = ScriptedModelServer([ScriptedAnswer("A long text.", fault: .silent(afterEvents: 4))])
        let deltas = Deltas()
        let model = model(.openAIChat, server)
        let task = Task { try await model.reply(to: request, trace: nil) { deltas.add($0) } }
        try await deltas.first.value()
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }
}
