import Concurrency
import Contracts
import Foundation
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import AgentService
@testable import MCPClient

/// What runs may call: our own tools, configured ones, and those of servers while these are there.
@Suite(.timeLimit(.minutes(2))) struct ToolboxTests {
    private final class Steps: Sendable { let list = Lock<[Double]>([]) }

    /// A server of MCP of the modern era with these tools; a call is answered by `call`.
    static func answer(
        _ asked: OthersService.Seen,
        tools: [String],
        keyword: String = #""if":{},"#,
        output: String = "",
        _ call: (JSONElement, String) -> String
    ) -> Response {
        let json = (try? JSONDocument(parsing: asked.body).root) ?? .null
        let id = json["id"].map { String(decoding: $0.raw.bytes, as: UTF8.self) } ?? "null"
        func result(_ result: String) -> Response {
            OthersService.json(#"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"#)
        }
        switch json["method"]?.string {
        case "server/discover": return result(#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#)
        case "tools/list":
            let list = tools.map { name in
                let hints = #""annotations":{"readOnlyHint":\#(name == "look"),"idempotentHint":true}"#
                let input = #"{"type":"object","properties":{"q":{"type":"string"}},\#(keyword)"required":["q"]}"#
                return #"{"name":"\#(name)","description":"d","inputSchema":\#(input)\#(output),\#(hints)}"#
            }
            return result(#"{"tools":[\#(list.joined(separator: ","))]}"#)
        case "tools/call": return OthersService.json(call(json["params"] ?? .null, id))
        default: return Response(.notFound)
        }
    }

    /// Runs `body` with the tools of a server `wiki` at `url`.
    private static func withRemote(
        _ url: String,
        _ more: String = "",
        headers: String = "{}",
        _ body: @escaping @Sendable (RemoteTools) async throws -> Void
    ) async throws {
        let server = """
            {"name":"wiki","url":"\(url)","allow_private_addresses":true,"headers":\(headers)\(more)}
            """
        let file = ToolsFile(#"{"mcp_servers":[\#(server)]}"#, environment: ["WIKI": "wiki-secret"], version: "1")
        try #require(file.problems == [])
        let tools = RemoteTools(try #require(file.servers.first), logger: .silent, metrics: Metrics())
        let stop = StopSignal()
        let running = Task { try await tools.run(until: stop) }
        let result = await Task { try await body(tools) }.result
        stop.raise()
        try await running.value
        try result.get()
    }

    private static func call(
        _ toolbox: Toolbox,
        _ name: String,
        _ arguments: String = #"{"q":"a"}"#
    ) async throws -> ToolAnswer {
        let call = ToolCall(
            principal: Principal(name: "me", scopes: []),
            arguments: try JSONDocument(parsing: arguments).root,
            requestID: "r",
            trace: .root()
        )
        return try await toolbox.call(try #require(toolbox.tool(name)), call, from: .run)
    }

    private static func registry(_ fixture: AgentFixture, _ names: String...) throws -> ToolRegistry {
        let recorder = ToolRecorder(pool: fixture.pool, keep: .seconds(1), logger: .silent, metrics: Metrics())
        let tools = names.map { name in
            Tool(name: name, title: name, summary: name, input: .object([]), effect: .read, scope: nil) { _ in
                .text(name)
            }
        }
        return try ToolRegistry(tools, recorder: recorder, logger: .silent)
    }

    @Test func `tools of a server stand beside our own, in one order, marked and recorded`() async throws {
        try await AgentFixture.run { fixture in
            try await OthersService.run { _, asked in
                ToolboxTests.answer(asked, tools: ["zoom", "look", "hidden"]) { parameters, id in
                    let query = parameters["arguments"]?["q"]?.string ?? ""
                    let content = #"[{"type":"text","text":"\#(query) wiki-secret"}]"#
                    return
                        #"{"jsonrpc":"2.0","id":\#(id),"result":{"content":\#(content),"structuredContent":{"n":1}}}"#
                }
            } _: { _, url in
                let more = #","tools":["look","zoom"],"trusted_annotations":true"#
                let headers = #"{"Authorization":"Bearer ${WIKI}"}"#
                try await ToolboxTests.withRemote(url + "/t/1", more, headers: headers) { remote in
                    let toolbox = Toolbox(try ToolboxTests.registry(fixture, "own", "zzz"), sources: [remote])
                    try await eventually { toolbox.tools.count == 4 }
                    #expect(toolbox.tools.map(\.name) == ["own", "wiki__look", "wiki__zoom", "zzz"])
                    let look = try #require(toolbox.tool("wiki__look"))
                    let zoom = try #require(toolbox.tool("wiki__zoom"))
                    #expect(look.effect == .read && zoom.effect == .irreversible)
                    #expect(zoom.isRepeatable && look.source == "mcp:wiki" && look.isOpen)
                    // What is not checked here is shown all the same.
                    #expect(String(decoding: look.shownInput.bytes, as: UTF8.self).contains(#""if":{}"#))
                    let answer = try await ToolboxTests.call(toolbox, "wiki__look", #"{"q":"hello"}"#)
                    #expect(answer.isUntrusted && !answer.isError)
                    guard case .text("hello •••")? = answer.content.first else {
                        Issue.record("\(answer)")
                        return
                    }
                    let own = try await ToolboxTests.call(toolbox, "own", "{}")
                    #expect(!own.isUntrusted)
                    #expect(try await fixture.toolCalls() == ["wiki__look succeeded", "own succeeded"])
                }
            }
        }
    }

    @Test func `whatever a server answers, the model is told in words, and the record knows`() async throws {
        try await AgentFixture.run { fixture in
            let answers: [(String, String, String)] = [
                (#""error":{"code":-32602,"message":"q is odd"}"#, "error -32602\nq is odd", "failed"),
                (#""result":{"content":[],"isError":true}"#, "", "failed"),
                (#""result":{"resultType":"input_required"}"#, "TOOL_NEEDS_INPUT", "refused TOOL_NEEDS_INPUT"),
                (#""result":7"#, "breaks the protocol", "failed UPSTREAM_FAILED"),
                (
                    #""result":{"content":[],"structuredContent":{"n":"one"}}"#, "not what it promises",
                    "failed UPSTREAM_FAILED"
                ), (#""result":{"content":[]}"#, "not what it promises", "failed UPSTREAM_FAILED"),
                (
                    #""result":{"content":[{"type":"text","text":"\#(String(repeating: "x", count: 2_000))"}]}"#,
                    "larger than 1000 bytes", "failed UPSTREAM_FAILED"
                ),
            ]
            let reference = ##"{"$ref":"#/$defs/n"}"##
            let types = #"{"type":"object","properties":{"n":\#(reference)},"$defs":{"n":{"type":"integer"}}}"#
            let schema = #","outputSchema":\#(types)"#
            try await OthersService.run { _, asked in
                ToolboxTests.answer(
                    asked,
                    tools: ["look"],
                    output: schema
                ) { parameters, id in
                    let number = parameters["arguments"]?["q"]?.string.flatMap { Int($0) } ?? 0
                    return #"{"jsonrpc":"2.0","id":\#(id),\#(answers[number].0)}"#
                }
            } _: { _, url in
                try await ToolboxTests.withRemote(url + "/t/1", #","maximum_bytes":1000"#) { remote in
                    let toolbox = Toolbox(try ToolboxTests.registry(fixture), sources: [remote])
                    try await eventually { toolbox.tools.count == 1 }
                    for (number, (_, words, _)) in answers.enumerated() {
                        let answer = try await ToolboxTests.call(toolbox, "wiki__look", #"{"q":"\#(number)"}"#)
                        #expect(answer.isError)
                        if case .text(let text)? = answer.content.first { #expect(text.contains(words), "\(text)") }
                    }
                    #expect(try await fixture.toolCalls() == answers.map { "wiki__look \($0.2)" })
                }
            }
        }
    }

    @Test func `a tool that is configured must not have a name of ours`() async throws {
        try await AgentFixture.run { fixture in
            #expect(throws: ToolRegistry.Refused.self) { try ToolboxTests.registry(fixture, "own", "own") }
        }
        let tool =
            #"{"name":"get_project","summary":"s","input":{"type":"object"},"effect":"read","url":"https://a.b/"}"#
        let path = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID()).json").path
        try #"{"http_tools":[\#(tool)]}"#.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        await #expect(throws: ToolRegistry.Refused.self) { try await AgentFixture.run(["TOOLS_FILE": path]) { _ in } }
    }

    @Test func `tools are listed with what they do, where they are from and how they did`() async throws {
        let tool =
            #"{"name":"find","summary":"s","input":{"type":"object"},"effect":"read","url":"http://127.0.0.1:1/"}"#
        let server = #"{"name":"wiki","url":"http://127.0.0.1:1/mcp","allow_private_addresses":true}"#
        let path = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID()).json").path
        try #"{"http_tools":[\#(tool)],"mcp_servers":[\#(server)]}"#
            .write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await AgentFixture.run(["TOOLS_FILE": path]) { fixture in
            _ = try await fixture.tool("list_projects")
            _ = try await fixture.tool("list_projects", #"{"limit":0}"#)
            let all = try await fixture.send("GET", "/api/tools").json["items"]?.elements.map { $0 } ?? []
            let names = all.compactMap { $0["name"]?.string }
            #expect(names == names.sorted() && names.contains("find"))
            let list = try #require(all.first { $0["name"]?.string == "list_projects" })
            #expect(list["effect"]?.string == "read" && list["source"]?.string == "martlet")
            #expect(list["last_day"]?["calls"]?.int == 2 && list["last_day"]?["failures"]?.int == 1)
            #expect((list["last_day"]?["p95_ms"]?.double ?? 0) > 0)
            #expect(list["input"]?["properties"]?["limit"] != nil)
            let http = try await fixture.send("GET", "/api/tools?source=http").json["items"]?.elements.map { $0 } ?? []
            #expect(http.compactMap { $0["name"]?.string } == ["find"])
            // Who may not make projects is not shown how.
            let reader = try await fixture.token([.projectsRead])
            let seen = try await fixture.send("GET", "/api/tools", token: reader).json["items"]?.elements
                .compactMap { $0["name"]?.string }
            #expect(seen?.contains("create_project") == false && seen?.contains("get_project") == true)
            // Models that ask us are served what is ours.
            let served = try await fixture.mcp("tools/list").json["result"]?["tools"]?.elements
                .compactMap { $0["name"]?.string }
            #expect(served?.contains("find") == false && served?.contains("get_project") == true)
            try await eventually("the server is known to be away") {
                let check = try await fixture.send("GET", "/health").json["checks"]?["mcp_wiki"]
                return check?["status"]?.string == "degraded"
                    && check?["message"]?.string?.contains("no connection") == true
            }
        }
    }

    @Test func `our own endpoint is a server like any other, in both eras`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let eras: [(last: Revision?, spoken: String)] = [
                (nil, "2026-07-28"), (.legacy("2025-11-25"), "2025-11-25"),
            ]
            for era in eras {
                let headers = [(name: "Authorization", value: "Bearer dev-token")]
                let settings = RemoteServerSettings(
                    name: "own",
                    way: .http(url: fixture.url + "/mcp", headers: Secret(headers), addresses: .any),
                    version: "1"
                )
                let server = RemoteServer(settings, last: era.last, logger: .silent, metrics: Metrics())
                let running = Task { await server.run() }
                try await eventually { !server.tools.isEmpty }
                #expect(server.state == .ready(revision: era.spoken, unusable: 0))
                let title = try JSONDocument(parsing: #"{"title":"From afar"}"#).root
                let made = try await server.call("create_project", title, within: .seconds(20))
                #expect(!made.isError && made.structured != nil)
                let steps = Steps()
                _ = try await server.call("test_tool_with_progress", .null, within: .seconds(20)) { step in
                    steps.list.withLock { $0.append(step.done) }
                }
                #expect(steps.list.withLock { $0 } == [0, 50, 100])
                let slow = Task {
                    let seconds = try JSONDocument(parsing: #"{"seconds":50}"#).root
                    return try await server.call("test_slow", seconds, within: .milliseconds(200))
                }
                await #expect(throws: RemoteError.timedOut) { try await slow.value }
                try await eventually("the late call is recorded as called off") {
                    try await fixture.toolCalls().last == "test_slow cancelled"
                }
                running.cancel()
                await running.value
            }
            let sessions = try await fixture.pool.query("SELECT count(*) FROM agent.mcp_sessions")
            #expect(try sessions.first?.decode(0, as: Int.self) == 0)
        }
    }
}
