import Contracts
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Store
import Telemetry
import Testing

@testable import AgentService

/// Tools that are requests to services of others, against services that fail.
@Suite(.timeLimit(.minutes(2))) struct HTTPToolTests {
    private static let input =
        #"{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}},"required":["n"]}"#

    /// A toolbox with a tool `t` of the service at `url`, and calls of it.
    private struct Box {
        let toolbox: Toolbox
        let trace = TraceContext.root()

        init(_ fixture: AgentFixture, _ url: String, _ more: String, _ environment: [String: String] = [:]) throws {
            let mayBePrivate = more.contains("allow_private") ? "" : #""allow_private_addresses":true,"#
            let file = ToolsFile(
                """
                {"http_tools":[{"name":"t","summary":"s","input":\(input),"url":"\(url)/t/{n}",
                  \(mayBePrivate)\(more)}]}
                """,
                environment: environment,
                version: "1"
            )
            try #require(file.problems == [])
            let tools = HTTPTools(file.httpTools, logger: .silent, metrics: Metrics()).tools
            let recorder = ToolRecorder(pool: fixture.pool, keep: .seconds(1), logger: .silent, metrics: Metrics())
            toolbox = Toolbox(try ToolRegistry(tools, recorder: recorder, logger: .silent), sources: [])
        }

        func call(_ arguments: String = #"{"n":7}"#, key: String? = "run/1/1") async throws -> ToolAnswer {
            let call = ToolCall(
                principal: Principal(name: "me", scopes: []),
                arguments: try JSONDocument(parsing: arguments).root,
                requestID: "r",
                trace: trace,
                key: key
            )
            return try await toolbox.call(try #require(toolbox.tool("t")), call, from: .run)
        }
    }

    private static func text(_ answer: ToolAnswer) -> String {
        if case .text(let text)? = answer.content.first { text } else { "" }
    }

    @Test func `a call is one request, with its key, its trace and our secret`() async throws {
        try await AgentFixture.run { fixture in
            try await OthersService.run { _, _ in
                OthersService.json(#"{"state":"open","echo":"desk-secret"}"#)
            } _: { service, url in
                let more =
                    #""effect":"write","method":"POST","headers":{"Authorization":"Bearer ${DESK}"},"cost_micros":25"#
                let box = try Box(fixture, url, more, ["DESK": "desk-secret"])
                let answer = try await box.call(#"{"n":7,"text":"a/b"}"#)
                #expect(!answer.isError && answer.isUntrusted && answer.cost == 25)
                #expect(answer.structured == RawJSON(#"{"state":"open","echo":"•••"}"#))
                let seen = try #require(service.seen.first)
                #expect(service.seen.count == 1)
                #expect(seen.target == "/t/7" && seen.body == #"{"text":"a/b"}"#)
                #expect(seen.key == "run/1/1" && seen.token == "Bearer desk-secret")
                #expect(seen.trace == box.trace.traceparent)
                _ = try await box.call(key: nil)
                _ = try await box.call(key: nil)
                #expect(Set(service.seen.map(\.key)).count == 3)
            }
        }
    }

    @Test func `what may be made again is made again with the same key, and nothing else is`() async throws {
        try await AgentFixture.run { fixture in
            let cases = [
                (#""effect":"read""#, 3), (#""effect":"write","method":"PUT""#, 3),
                (#""effect":"write","method":"POST","honours_idempotency_key":true"#, 3),
                (#""effect":"write","method":"POST""#, 1), (#""effect":"irreversible","method":"PATCH""#, 1),
                (#""effect":"write","method":"PUT","idempotent":false"#, 1),
            ]
            for (more, attempts) in cases {
                try await OthersService.run { number, _ in
                    number < 3 ? Response(.serviceUnavailable) : OthersService.json("{}")
                } _: { service, url in
                    let box = try Box(fixture, url, more)
                    let answer = try await box.call()
                    #expect(service.seen.map(\.key) == Array(repeating: "run/1/1", count: attempts), "\(more)")
                    #expect(answer.isError == (attempts == 1))
                    #expect(try #require(box.toolbox.tool("t")).isRepeatable == (attempts > 1))
                }
            }
        }
    }

    @Test func `whatever a service does, the model is told what went wrong, and nothing of ours`() async throws {
        try await AgentFixture.run { fixture in
            let cases: [(Response, String)] = [
                (Response(.notFound, type: "text/plain", Array("no such ticket".utf8)), "status 404\nno such ticket"),
                (Response(.badRequest, type: "image/png", [1, 2, 3]), "status 400\n"),
                (Response(.ok, type: "application/json", Array("{".utf8)), "UPSTREAM_FAILED"),
                (Response(.ok, type: "application/pdf", [1]), "UPSTREAM_FAILED"),
                (Response(.ok, type: "text/plain", Array(repeating: 0x61, count: 2_000)), "larger than 1000 bytes"),
                (Response(Status(302), headers: ["Location": "https://else.example/"]), "status 302"),
                (
                    // It promises a hundred bytes and sends ten.
                    Response(
                        .ok,
                        headers: ["Content-Type": "text/plain"],
                        body: .stream(contentLength: 100) { writer in try await writer.write(Array("0123456789".utf8)) }
                    ), "UPSTREAM_FAILED"
                ),
            ]
            for (response, words) in cases {
                try await OthersService.run { _, _ in
                    response
                } _: { _, url in
                    let box = try Box(fixture, url, #""effect":"write","method":"POST","maximum_bytes":1000"#)
                    let answer = try await box.call()
                    #expect(answer.isError)
                    #expect(HTTPToolTests.text(answer).contains(words), "\(HTTPToolTests.text(answer))")
                }
            }
        }
    }

    @Test func `a service that is slow, gone or forbidden has its own name, in the answer and in the record`()
        async throws
    {
        try await AgentFixture.run { fixture in
            let enough = StopSignal()
            try await OthersService.run { _, _ in
                await enough.wait()
                return Response(.ok)
            } _: { _, url in
                let slow = try await Box(fixture, url, #""effect":"read","timeout_ms":100"#).call()
                #expect(HTTPToolTests.text(slow).contains("DEADLINE_EXCEEDED"))
                enough.raise()
                let hidden = #""effect":"read","allow_private_addresses":false"#
                let guarded = try Box(fixture, url, hidden)
                #expect(HTTPToolTests.text(try await guarded.call()).contains("is not public"))
            }
            let gone = try await Box(fixture, "http://127.0.0.1:1", #""effect":"write","method":"POST""#).call()
            #expect(HTTPToolTests.text(gone).contains("SERVICE_UNAVAILABLE"))
            let missing = try Box(fixture, "http://127.0.0.1:1", #""effect":"read""#)
            #expect(HTTPToolTests.text(try await missing.call("{}")).contains("VALIDATION_FAILED"))
            #expect(
                try await fixture.toolCalls() == [
                    "t timed_out DEADLINE_EXCEEDED", "t failed UPSTREAM_FAILED", "t failed SERVICE_UNAVAILABLE",
                    "t refused VALIDATION_FAILED",
                ]
            )
            let call = try await fixture.send("GET", "/api/tool-calls?limit=1")
            #expect(call.json["items"]?.elements.first { _ in true }?["source"]?.string == "run")
        }
    }
}
