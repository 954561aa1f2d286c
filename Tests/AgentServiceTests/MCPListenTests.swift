import Contracts
import HTTPClient
import JSON
import Kernel
import Testing

@testable import AgentService

/// What a client that listens is told, and what not.
@Suite(.timeLimit(.minutes(2))) struct MCPListenTests {
    @Test func `a listener hears of what it asked for, whoever changes it, and of nothing else`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let (mine, other) = (try await fixture.project(), try await fixture.project())
            let token = try await fixture.token([.mcp, .projectsRead], project: mine)
            let uris = [mine, other].map { "martlet://projects/\($0)/memory" }
            let resources = #""resourcesListChanged":true,"resourceSubscriptions":["\#(uris[0])","\#(uris[1])","x:"]"#
            let asked = #""notifications":{"promptsListChanged":true,\#(resources)}"#
            try await fixture.listen(asked, token: token) { stream in
                let first = try await stream.next()
                #expect(first["method"]?.string == "notifications/subscriptions/acknowledged")
                #expect(
                    first["params"]?["notifications"]?.text
                        == #"{"promptsListChanged":true,"resourceSubscriptions":["\#(uris[0])"]}"#
                )
                let subscription = first["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"]
                #expect(subscription?.int == 7)
                // Of the other project's change nothing is told: the next thing is the own one's.
                _ = try await fixture.activity(in: other, cards: 1)
                _ = try await fixture.tool("test_trigger_tool_change")
                _ = try await fixture.activity(in: mine, cards: 1)
                let second = try await stream.next()
                #expect(second["method"]?.string == "notifications/resources/updated")
                #expect(second["params"]?["uri"]?.string == uris[0])
                #expect(second["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"]?.int == 7)
                _ = try await fixture.tool("test_trigger_prompt_change")
                while try await stream.next()["method"]?.string != "notifications/prompts/list_changed" {}
            }
            let refused = try await fixture.mcp("subscriptions/listen", "")
            #expect(refused.json["error"]?["code"]?.int == -32602)
        }
    }
}

extension AgentFixture {
    /// Listens while `body` runs.
    func listen(
        _ parameters: String,
        token: String,
        capabilities: String = "{}",
        _ body: (inout MCPReader) async throws -> Void
    ) async throws {
        let prefix = "io.modelcontextprotocol/"
        let own = #""\#(prefix)protocolVersion":"2026-07-28","\#(prefix)clientCapabilities":\#(capabilities)"#
        let message =
            #"{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{\#(parameters),"_meta":{\#(own)}}}"#
        let request = ClientRequest(
            "POST",
            url + "/mcp",
            headers: [
                ("Authorization", "Bearer \(token)"), ("Content-Type", "application/json"), AgentFixture.accept,
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "subscriptions/listen"),
            ],
            body: .bytes(Array(message.utf8)),
            timeouts: .streaming()
        )
        let response = try await client.stream(request)
        try #require(response.status == 200)
        var listener = MCPReader(response.body)
        try await body(&listener)
    }
}
