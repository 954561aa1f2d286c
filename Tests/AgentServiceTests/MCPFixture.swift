import Contracts
import HTTPClient
import JSON
import Kernel
import Store
import Testing

@testable import AgentService

/// What tests of MCP ask for, as a client of the modern era unless said otherwise.
extension AgentFixture {
    static let withFixtures = ["MCP_CONFORMANCE_FIXTURES": "true"]
    static let accept = ("Accept", "application/json, text/event-stream")

    /// Calls a method. `change` may spoil the headers.
    func mcp(
        _ method: String,
        _ parameters: String = "",
        meta: String = "",
        capabilities: String = "{}",
        token: String = "dev-token",
        change: (inout [(String, String)]) -> Void = { _ in }
    ) async throws -> Answer {
        let prefix = "io.modelcontextprotocol/"
        let own = #""\#(prefix)protocolVersion":"2026-07-28","\#(prefix)clientCapabilities":\#(capabilities)"#
        let comma = parameters.isEmpty ? "" : ","
        let body =
            #"{"jsonrpc":"2.0","id":7,"method":"\#(method)","params":{\#(parameters)\#(comma)"_meta":{\#(own)\#(meta)}}}"#
        var headers = [AgentFixture.accept, ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)]
        let named = try JSONDocument(parsing: body).root["params"]
        if let name = (named?["name"] ?? named?["uri"] ?? named?["taskId"])?.string {
            headers.append(("Mcp-Name", name))
        }
        change(&headers)
        return try await send("POST", "/mcp", body, headers: headers, token: token)
    }

    /// Calls a tool and returns its result.
    func tool(_ name: String, _ arguments: String = "{}", token: String = "dev-token") async throws -> JSONElement {
        let answer = try await mcp("tools/call", #""name":"\#(name)","arguments":\#(arguments)"#, token: token)
        return try #require(answer.json["result"], "\(answer.json.text)")
    }

    /// A message of the legacy era.
    func legacy(
        _ body: String,
        session: String? = nil,
        token: String = "dev-token"
    ) async throws -> Answer {
        var headers = [AgentFixture.accept, ("MCP-Protocol-Version", "2025-11-25")]
        if let session { headers.append(("Mcp-Session-Id", session)) }
        return try await send("POST", "/mcp", body, headers: headers, token: token)
    }

    /// Opens a session of the legacy era.
    func session(_ capabilities: String = "{}", token: String = "dev-token") async throws -> String {
        let client = #""clientInfo":{"name":"t","version":"1"}"#
        let parameters = #"{"protocolVersion":"2025-11-25","capabilities":\#(capabilities),\#(client)}"#
        let body = #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":\#(parameters)}"#
        let answer = try await legacy(body, token: token)
        return try #require(answer.response.headers["Mcp-Session-Id"])
    }

    /// Calls a tool in a session, over a stream that `body` reads. Its id is the tool's name.
    func stream(
        _ tool: String,
        _ arguments: String = "{}",
        meta: String = "{}",
        session: String,
        _ body: (inout MCPReader) async throws -> Void
    ) async throws {
        let parameters = #"{"name":"\#(tool)","arguments":\#(arguments),"_meta":\#(meta)}"#
        let message = #"{"jsonrpc":"2.0","id":"\#(tool)","method":"tools/call","params":\#(parameters)}"#
        try await read("POST", session, [("Content-Type", "application/json")], .bytes(Array(message.utf8)), body)
    }

    /// Opens a session's own stream, or goes on with one after an event.
    func resume(
        after event: String? = nil,
        session: String,
        _ body: (inout MCPReader) async throws -> Void
    ) async throws {
        try await read("GET", session, event.map { [("Last-Event-ID", $0)] } ?? [], .none, body)
    }

    private func read(
        _ method: String,
        _ session: String,
        _ headers: [(String, String)],
        _ content: ClientRequest.Body,
        _ body: (inout MCPReader) async throws -> Void
    ) async throws {
        let own = [
            ("Authorization", "Bearer dev-token"), AgentFixture.accept, ("MCP-Protocol-Version", "2025-11-25"),
            ("Mcp-Session-Id", session),
        ]
        let response = try await client.stream(
            ClientRequest(method, url + "/mcp", headers: own + headers, body: content, timeouts: .streaming())
        )
        try #require(response.status == 200 && response.headers["Content-Type"] == "text/event-stream")
        var reader = MCPReader(response.body)
        try await body(&reader)
    }

    /// A token with these scopes.
    func token(_ scopes: Set<Scope>, project: ProjectID? = nil) async throws -> String {
        try await APIKeyStore(pool).create(name: "t", scopes: scopes, project: project, lifetime: nil).token.reveal()
    }

    /// How calls of tools ended: `tool outcome code`, in the order of their ends.
    func toolCalls() async throws -> [String] {
        let answer = try await send("GET", "/api/tool-calls?limit=200")
        return (answer.json["items"]?.elements.map { $0 } ?? []).reversed()
            .map { call in
                [call["tool"], call["outcome"], call["error_code"]].compactMap { $0?.string }.joined(separator: " ")
            }
    }
}
