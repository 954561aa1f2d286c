import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Store
import TestSupport
import Testing

@testable import AgentService

/// The Model Context Protocol, as both eras speak it.
@Suite(.timeLimit(.minutes(2))) struct MCPTests {
    @Test func `a modern request must say the same in its headers and its body`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            func code(
                _ method: String = "tools/call",
                _ parameters: String = #""name":"test_simple_text""#,
                change: @escaping (inout [(String, String)]) -> Void
            ) async throws -> [Int?] {
                let answer = try await fixture.mcp(method, parameters, change: change)
                return [answer.status, answer.json["error"]?["code"]?.int]
            }
            func set(_ name: String, _ value: String?) -> (inout [(String, String)]) -> Void {
                { headers in
                    headers.removeAll { $0.0 == name }
                    if let value { headers.append((name, value)) }
                }
            }
            for (name, value) in [
                ("MCP-Protocol-Version", nil), ("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", nil),
                ("Mcp-Method", "TOOLS/CALL"), ("Mcp-Name", nil), ("Mcp-Name", "test_slow"),
                ("Mcp-Name", "=?base64?!!?="), ("Mcp-Name", "=?base64?dGVzdF9zbG93?="),
            ] {
                #expect(try await code(change: set(name, value)) == [400, -32020], "\(name): \(value ?? "absent")")
            }
            for name in ["  test_simple_text\t", "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?="] {
                #expect(try await code(change: set("Mcp-Name", name)) == [200, nil], "\(name)")
            }
            #expect(try await code("no/such", "", change: { _ in }) == [404, -32601])
            #expect(try await code("ping", "", change: { _ in }) == [404, -32601])
            let bare = #"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{}}"#
            let headers = [AgentFixture.accept, ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")]
            let answer = try await fixture.send("POST", "/mcp", bare, headers: headers)
            #expect(answer.json["error"]?["code"]?.int == -32602)
            #expect(answer.json["id"]?.string == "a")
        }
    }

    @Test func `what is no message is refused as the protocol says`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            for (body, code) in [
                (#"{"jsonrpc":"2.0","id":1"#, -32700), ("[]", -32600), ("3", -32600),
                (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
                (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
                (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600), (#"{"jsonrpc":"2.0","id":1}"#, -32600),
                (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32600),
            ] {
                let answer = try await fixture.legacy(body, session: session)
                #expect(answer.status == 400, "\(body)")
                #expect(answer.json["error"]?["code"]?.int == code, "\(body)")
            }
            let ping = #"{"jsonrpc":"2.0","id":"p","method":"ping"}"#
            #expect(
                try await fixture.legacy(ping, session: session).json.text == #"{"jsonrpc":"2.0","id":"p","result":{}}"#
            )
            let list = #"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#
            #expect(try await fixture.legacy(list, session: session).json["error"]?["code"]?.int == -32601)
            #expect(try await fixture.send("GET", "/mcp").status == 400)
            let modern = [("MCP-Protocol-Version", "2026-07-28")]
            #expect(try await fixture.send("GET", "/mcp", headers: modern).status == 405)
            let type = [AgentFixture.accept, ("Content-Type", "text/plain")]
            #expect(try await fixture.send("POST", "/mcp", nil, headers: type).status == 415)
            let accept = [("Accept", "application/json")]
            #expect(try await fixture.send("POST", "/mcp", ping, headers: accept).status == 406)
        }
    }

    @Test func `a session is its opener's, and any replica knows it`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
            #expect(try await fixture.legacy(ping).status == 400)
            #expect(try await fixture.legacy(ping, session: "0").status == 404)
            let other = try await fixture.token([.mcp])
            #expect(try await fixture.legacy(ping, session: session, token: other).status == 404)
            // The rows are all that a replica needs.
            let found = try await MCPSessions(pool: fixture.pool).find(session, of: "dev")
            #expect(found?.version == "2025-11-25")
            let delete = [("Mcp-Session-Id", session)]
            #expect(try await fixture.send("DELETE", "/mcp", headers: delete, token: other).status == 404)
            #expect(try await fixture.send("DELETE", "/mcp", headers: delete).status == 204)
            #expect(try await fixture.legacy(ping, session: session).status == 404)
            try await fixture.pool.execute("UPDATE agent.mcp_sessions SET seen_at = now() - interval '25 hours'")
            let late = try await fixture.session()
            try await fixture.pool.execute("UPDATE agent.mcp_sessions SET seen_at = now() - interval '25 hours'")
            #expect(try await fixture.legacy(ping, session: late).status == 404)
        }
    }

    @Test func `foreign pages, foreign names and tokens without the scope are kept out`() async throws {
        let environment = [
            "MCP_PUBLIC_URL": "https://martlet.example/mcp", "MCP_AUTHORIZATION_SERVERS": "https://auth.example",
            "MCP_ALLOWED_HOSTS": "agent.internal",
        ]
        try await AgentFixture.run(environment) { fixture in
            func status(_ headers: [(String, String)], token: String? = "dev-token") async throws -> Int {
                try await fixture.mcp("server/discover", token: token ?? "") { $0 += headers }.status
            }
            for origin in ["http://evil.example", "null", "", "http://127.0.0.1.evil.example"] {
                #expect(try await status([("Origin", origin)]) == 403, "\(origin)")
            }
            for origin in ["http://localhost:3000", "https://martlet.example", "http://AGENT.internal:1"] {
                #expect(try await status([("Origin", origin)]) == 200, "\(origin)")
            }
            for (host, expected) in [("evil.example", 403), ("agent.internal:8080", 200), ("[::1]:80", 200)] {
                #expect(try await status([("Host", host)]) == expected, "\(host)")
            }
            let unknown = try await fixture.mcp("server/discover", token: "wrong")
            #expect(unknown.status == 401)
            let metadata = "https://martlet.example/.well-known/oauth-protected-resource/mcp"
            let challenge = unknown.response.headers["WWW-Authenticate"] ?? ""
            #expect(challenge == #"Bearer scope="mcp", resource_metadata="\#(metadata)""#)
            let without = try await fixture.mcp("server/discover", token: try await fixture.token([.projectsRead]))
            #expect(without.status == 403)
            #expect(without.response.headers["WWW-Authenticate"]?.contains(#"error="insufficient_scope""#) == true)
            let page = try await fixture.send("GET", "/.well-known/oauth-protected-resource/mcp", token: nil)
            #expect(page.json["resource"]?.string == "https://martlet.example/mcp")
        }
        try await AgentFixture.run { fixture in
            let page = try await fixture.send("GET", "/.well-known/oauth-protected-resource")
            #expect(page.status == 404)
        }
    }

    @Test func `resources are what routes answer, to those who may see it`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project("Mine")
            let other = try await fixture.project("Other")
            let token = try await fixture.token([.mcp, .projectsRead], project: project)
            let listed = try await fixture.mcp("resources/list", token: token)
            #expect(listed.json["result"]?["resources"]?.elements.map { $0["name"]?.string } == ["Mine"])
            let read = try await fixture.mcp(
                "resources/read",
                #""uri":"martlet://projects/\#(project)/memory""#,
                token: token
            )
            let text = read.json["result"]?["contents"]?.elements.first { _ in true }?["text"]?.string ?? ""
            let route = try await fixture.send("GET", "/api/projects/\(project)/memory")
            #expect(text == String(decoding: route.response.body, as: UTF8.self))
            for uri in [
                "martlet://projects/\(other)/memory", "martlet://projects/x/memory", "martlet://projects/",
                "martlet://cards/\(project)", "file:///etc/passwd",
            ] {
                let answer = try await fixture.mcp("resources/read", #""uri":"\#(uri)""#, token: token)
                #expect(answer.json["error"]?["code"]?.int == -32602, "\(uri)")
            }
            let ref =
                #""ref":{"type":"ref/prompt","name":"plan_activity"},"argument":{"name":"project_id","value":"\#(project.description.prefix(8))"}"#
            let completed = try await fixture.mcp("completion/complete", ref, token: token)
            let values = completed.json["result"]?["completion"]?["values"]?.elements.map { $0.string }
            #expect(values == [project.description])
        }
    }

    @Test func `a stream that is closed cancels a modern call, and is recorded`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let slow = Task {
                try await fixture.mcp(
                    "tools/call",
                    #""name":"test_slow","arguments":{"seconds":60}"#,
                    meta: #","progressToken":"p""#
                )
            }
            try await eventually("the call has begun") {
                try await fixture.tool("test_slow_state")["structuredContent"]?["slow_started"]?.int == 1
            }
            slow.cancel()
            _ = await slow.result
            try await eventually("the call was cancelled") {
                try await fixture.tool("test_slow_state")["structuredContent"]?["slow_cancelled"]?.int == 1
            }
            try await eventually("it is recorded") { try await fixture.toolCalls().contains("test_slow cancelled") }
        }
    }
}
