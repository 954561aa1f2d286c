import Concurrency
import HTTPClient
import HTTPServer
import JSON
import Kernel
import MCPClient
import Telemetry
import TestSupport
import Testing

/// Servers by Streamable HTTP that keep to the protocol.
@Suite(.timeLimit(.minutes(1))) struct HTTPTests {
    private typealias Scripted = ScriptedMCPServer
    private typealias Fixture = RemoteServerFixture

    @Test func `a modern request says in headers and metadata all that it must`() async throws {
        let schema = #"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#
        let script = Scripted.modern(tools: #"{"name":"echo","inputSchema":\#(schema)}"#)
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url, headers: [("Authorization", "Bearer secret")])) { server in
                try await server.ready()
                #expect(server.state == .ready(revision: "2026-07-28", unusable: 0))
                #expect(server.tools.map(\.name) == ["echo"])
                let trace = TraceContext.root()
                let arguments = try JSONDocument(parsing: #"{"region":"eu"}"#).root
                let answer = try await server.call("echo", arguments, trace: trace, within: .seconds(20))
                #expect(answer.content == [.text("called")])
                let call = try #require(scripted.asked.last)
                #expect(call.method == "tools/call")
                #expect(call.headers["Authorization"] == "Bearer secret")
                #expect(call.headers["MCP-Protocol-Version"] == "2026-07-28")
                #expect(call.headers["Mcp-Method"] == "tools/call")
                #expect(call.headers["Mcp-Name"] == "echo")
                #expect(call.headers["Mcp-Param-Region"] == "eu")
                #expect(call.headers["traceparent"] == trace.traceparent)
                let meta = call.json["params"]?["_meta"]
                #expect(meta?["io.modelcontextprotocol/protocolVersion"]?.string == "2026-07-28")
                #expect(meta?["io.modelcontextprotocol/clientCapabilities"]?.text == "{}")
                #expect(meta?["io.modelcontextprotocol/clientInfo"]?["name"]?.string == "martlet")
                #expect(meta?["progressToken"]?.text == call.id)
                #expect(meta?["traceparent"]?.string == trace.traceparent)
                #expect(call.headers["Mcp-Session-Id"] == nil)
            }
            #expect(scripted.methods == ["server/discover", "tools/list", "tools/call"])
        }
    }

    @Test func `progress comes before the answer, on its stream`() async throws {
        let script = Scripted.modern { asked, _ in
            guard asked.method == "tools/call" else { return nil }
            func progress(_ token: String, _ done: Int) -> String {
                let method = #""method":"notifications/progress""#
                return
                    #"{"jsonrpc":"2.0",\#(method),"params":{"progressToken":\#(token),"progress":\#(done),"total":9}}"#
            }
            return Scripted.events(
                progress(asked.id, 1),
                progress("999", 7),
                #"{"jsonrpc":"2.0","id":999,"result":{"content":[{"type":"text","text":"another's"}]}}"#,
                progress(asked.id, 2),
                asked.result(#"{"content":[]}"#)
            )
        }
        try await Scripted.run(script) { _, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                let steps = Steps()
                let answer = try await server.call("echo", .null, within: .seconds(20)) { step in steps.take(step) }
                #expect(answer.content == [])
                #expect(steps.all == [1, 2])
            }
        }
    }

    // MARK: - The older era

    /// A legacy server; sessions are called s1, s2 …, and `isOver` says which are over.
    private static func legacy(
        _ isOver: @escaping @Sendable (String, ScriptedMCPServer) -> Bool = { _, _ in false },
        _ other: @escaping @Sendable (ScriptedMCPServer.Asked, ScriptedMCPServer) async -> Response? = { _, _ in nil }
    ) -> ScriptedMCPServer.Script {
        { asked, server in
            if asked.method == "initialize" {
                let number = server.methods.count { $0 == "initialize" }
                let facts = #"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}}}"#
                var response = Scripted.json(asked.result(facts))
                response.headers.set("Mcp-Session-Id", "s\(number)")
                return response
            }
            guard let session = asked.headers["Mcp-Session-Id"] else {
                return Scripted.json(#"{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"no"}}"#, status: 400)
            }
            if isOver(session, server) { return Response(.notFound) }
            if let response = await other(asked, server) { return response }
            switch asked.method {
            case "tools/list":
                return Scripted.json(asked.result(#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#))
            case "tools/call":
                return Scripted.json(asked.result(#"{"content":[{"type":"text","text":"in \#(session)"}]}"#))
            default: return Response(asked.http == "DELETE" ? .noContent : .methodNotAllowed)
            }
        }
    }

    @Test func `a server of the older era is spoken to in a session, which is closed at the end`() async throws {
        try await Scripted.run(HTTPTests.legacy()) { scripted, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                #expect(server.state == .ready(revision: "2025-06-18", unusable: 0))
                #expect(try await server.call("echo").content == [.text("in s1")])
                let call = try #require(scripted.asked.last { $0.method == "tools/call" })
                #expect(call.headers["MCP-Protocol-Version"] == "2025-06-18")
                #expect(call.headers["Mcp-Method"] == nil)
                #expect(call.json["params"]?["_meta"]?["io.modelcontextprotocol/protocolVersion"] == nil)
            }
            let methods = scripted.methods.filter { $0 != "GET" }
            #expect(
                methods == [
                    "server/discover", "initialize", "notifications/initialized", "tools/list", "tools/call", "DELETE",
                ]
            )
            #expect(scripted.asked.last?.headers["Mcp-Session-Id"] == "s1")
            #expect(scripted.asked.last?.headers["MCP-Protocol-Version"] == "2025-06-18")
        }
    }

    @Test func `a session that is over is replaced by one other, for all who called in it`() async throws {
        let script = HTTPTests.legacy { session, server in
            session == "s1" && server.methods.contains("tools/call")
        }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                let answers = try await withThrowingTaskGroup(of: RemoteAnswer.self) { group in
                    for _ in 0..<8 { group.addTask { try await server.call("echo") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.allSatisfy { $0.content == [.text("in s2")] })
                #expect(scripted.methods.count { $0 == "initialize" } == 2)
            }
        }
    }

    @Test func `a stream that the server ends early is taken up again where it was left`() async throws {
        let script = HTTPTests.legacy { _, _ in
            false
        } _: { asked, server in
            let place = asked.headers["Last-Event-ID"]
            guard asked.method == "tools/call" || place != nil else { return nil }
            return Scripted.stream { writer in
                guard let place else {
                    return try await writer.write(Array("id: first\nretry: 1\ndata:\n\n".utf8))
                }
                guard place == "second" else {
                    return try await writer.write(Array("id: second\nretry: 1\ndata:\n\n".utf8))
                }
                let call = try #require(server.asked.last { $0.method == "tools/call" })
                try await Scripted.send([call.result(#"{"content":[{"type":"text","text":"late"}]}"#)], writer)
            }
        }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                #expect(try await server.call("echo").content == [.text("late")])
                let places = scripted.asked.filter { $0.http == "GET" }.compactMap { $0.headers["Last-Event-ID"] }
                #expect(places == ["first", "second"])
                #expect(scripted.methods.count { $0 == "tools/call" } == 1)
            }
        }
    }

    @Test func `a server that ends every session is not asked for ever`() async throws {
        let script = HTTPTests.legacy { _, server in server.methods.contains("tools/call") }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(
                Fixture.http(url),
                change: { $0.backoff = Backoff(from: .seconds(60), cap: .seconds(60)) }
            ) { server in
                try await server.ready()
                await #expect(throws: RemoteError.sessionEnded) { try await server.call("echo") }
                #expect(scripted.methods.count { $0 == "tools/call" } == 2)
            }
        }
    }

    @Test func `what the server asks itself is refused, but for a ping, and the call goes on`() async throws {
        let script = HTTPTests.legacy { _, _ in
            false
        } _: { asked, server in
            guard asked.method == "tools/call" else { return nil }
            return Scripted.stream { writer in
                try await Scripted.send(
                    [
                        #"{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{}}"#,
                        #"{"jsonrpc":"2.0","id":"q2","method":"ping"}"#,
                    ],
                    writer
                )
                try await eventually("both are answered") {
                    server.asked.count { $0.json["id"]?.string?.hasPrefix("q") == true } == 2
                }
                try await Scripted.send([asked.result(#"{"content":[]}"#)], writer)
            }
        }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                #expect(try await server.call("echo").content == [])
                let answers = scripted.asked.filter { $0.json["id"]?.string?.hasPrefix("q") == true }
                #expect(answers.map { $0.json["error"]?["code"]?.int } == [-32601, nil])
                #expect(answers.last?.json["result"]?.text == "{}")
                #expect(answers.allSatisfy { $0.headers["Mcp-Session-Id"] == "s1" })
            }
        }
    }

    // MARK: - Calling off

    @Test func `a call that is cancelled or late is called off at the server, in the way of its era`() async throws {
        for isModern in [true, false] {
            let ended = Ended()
            let hang: @Sendable (ScriptedMCPServer.Asked, ScriptedMCPServer) async -> Response? = { asked, _ in
                guard asked.method == "tools/call" else { return nil }
                return Scripted.stream { writer in
                    try await writer.write(Array(": wait\n\n".utf8))
                    _ = await writer.closed()
                    ended.count.withLock { $0 += 1 }
                }
            }
            let script = isModern ? Scripted.modern(hang) : HTTPTests.legacy({ _, _ in false }, hang)
            try await Scripted.run(script) { scripted, url in
                try await Fixture.run(Fixture.http(url)) { server in
                    try await server.ready()
                    await #expect(throws: RemoteError.timedOut) {
                        try await server.call("echo", within: .milliseconds(50))
                    }
                    let call = Task { try await server.call("echo") }
                    try await eventually { scripted.methods.count { $0 == "tools/call" } == 2 }
                    call.cancel()
                    await #expect(throws: CancellationError.self) { try await call.value }
                    try await eventually("both streams are closed") { ended.count.withLock { $0 } == 2 }
                    let ids = scripted.asked.filter { $0.method == "tools/call" }.map(\.id)
                    let off = scripted.asked.filter { $0.method == "notifications/cancelled" }
                        .compactMap { $0.json["params"]?["requestId"]?.text }
                    #expect(off == (isModern ? [] : ids))
                }
            }
        }
    }

    private final class Ended: Sendable { let count = Lock(0) }

    // MARK: - Changes

    @Test func `other tools are there as soon as the server says so, in both eras`() async throws {
        for isModern in [true, false] {
            let gate = Gate()
            let other: @Sendable (ScriptedMCPServer.Asked, ScriptedMCPServer) async -> Response? = { asked, _ in
                if asked.method == "tools/list" {
                    let name = gate.isOpen.withLock { $0 } ? "after" : "before"
                    return Scripted.json(
                        asked.result(#"{"tools":[{"name":"\#(name)","inputSchema":{"type":"object"}}]}"#)
                    )
                }
                guard asked.method == "subscriptions/listen" || asked.http == "GET" else { return nil }
                return Scripted.stream { writer in
                    try await writer.write(Array(": here\n\n".utf8))
                    try await eventually { gate.isOpen.withLock { $0 } }
                    try await Scripted.send(
                        [#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#],
                        writer
                    )
                    _ = await writer.closed()
                }
            }
            let script =
                isModern ? Scripted.modern(listChanged: true, other) : HTTPTests.legacy({ _, _ in false }, other)
            try await Scripted.run(script) { scripted, url in
                try await Fixture.run(Fixture.http(url)) { server in
                    try await server.ready()
                    #expect(server.tools.map(\.name) == ["before"])
                    try await eventually { scripted.methods.contains { $0 == "subscriptions/listen" || $0 == "GET" } }
                    gate.isOpen.withLock { $0 = true }
                    try await eventually { server.tools.map(\.name) == ["after"] }
                    await #expect(throws: RemoteError.away("it no longer has this tool")) {
                        try await server.call("before")
                    }
                }
            }
        }
    }

    private final class Gate: Sendable { let isOpen = Lock(false) }

    @Test func `tools go with their server, and come back with it`() async throws {
        let gate = Gate()
        let script = Scripted.modern { _, _ in gate.isOpen.withLock { $0 } ? Response(.badGateway) : nil }
        try await Scripted.run(script) { _, url in
            try await Fixture.run(Fixture.http(url), change: { $0.refresh = .milliseconds(20) }) { server in
                try await server.ready()
                gate.isOpen.withLock { $0 = true }
                try await server.away(because: "status 502")
                #expect(server.tools == [])
                await #expect(throws: RemoteError.self) { try await server.call("echo") }
                gate.isOpen.withLock { $0 = false }
                try await server.ready()
                #expect(server.tools.map(\.name) == ["echo"])
            }
        }
    }

    // MARK: - Where we go

    @Test func `neither a redirect nor a private address gets the token`() async throws {
        try await Scripted.run(Scripted.modern()) { other, target in
            let redirect: ScriptedMCPServer.Script = { _, _ in
                Response(Status(307), headers: ["Location": target])
            }
            try await Scripted.run(redirect) { _, url in
                try await Fixture.run(Fixture.http(url, headers: [("Authorization", "Bearer secret")])) { server in
                    try await server.away(because: "status 307")
                }
            }
            let guarded = RemoteServerSettings.Way.http(url: target, headers: Secret([]), addresses: .publicOnly)
            try await Fixture.run(guarded) { server in try await server.away(because: "is not public") }
            #expect(other.asked.isEmpty)
        }
    }
}
