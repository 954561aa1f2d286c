import Concurrency
import HTTPServer
import JSON
import Kernel
import MCPClient
import Telemetry
import TestSupport

/// A server that does what a test says, and remembers what it was asked.
final class ScriptedMCPServer: Sendable {
    /// What came.
    struct Asked: Sendable {
        let http: String
        /// The method of the protocol; empty where there is none.
        let method: String
        let id: String
        let json: JSONElement
        let headers: [String: String]

        /// The answer with this result.
        func result(_ json: String) -> String { #"{"jsonrpc":"2.0","id":\#(id),"result":\#(json)}"# }

        /// The answer with this error.
        func error(_ code: Int) -> String {
            #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"no"}}"#
        }
    }

    typealias Script = @Sendable (Asked, ScriptedMCPServer) async -> Response

    private static let names = [
        "Authorization", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id", "Mcp-Param-Region",
        "traceparent", "Last-Event-ID",
    ]

    private let seen = Lock<[Asked]>([])
    private let script: Script

    private init(_ script: @escaping Script) { self.script = script }

    /// What was asked so far.
    var asked: [Asked] { seen.withLock { $0 } }

    /// The methods that were asked for, in order.
    var methods: [String] { asked.map { $0.method.isEmpty ? $0.http : $0.method } }

    /// Runs `body` with a server that acts so, and its URL.
    static func run(
        _ script: @escaping Script,
        _ body: @escaping @Sendable (ScriptedMCPServer, String) async throws -> Void
    ) async throws {
        let scripted = ScriptedMCPServer(script)
        var router = Router()
        for method in [Method.post, .get, .delete] {
            router.add(method, "/mcp", body: .buffered(atMost: 8 << 20), endsWithClient: true) { request in
                await scripted.take(request)
            }
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let result = await Task { try await body(scripted, "http://127.0.0.1:\(address.port)/mcp") }.result
        await server.stop(grace: .seconds(2))
        try result.get()
    }

    private func take(_ request: Request) async -> Response {
        let json = (try? JSONDocument(parsing: request.body.bytes).root) ?? .null
        var headers: [String: String] = [:]
        for name in ScriptedMCPServer.names { headers[name] = request.headers[name] }
        let asked = Asked(
            http: request.method.rawValue,
            method: json["method"]?.string ?? "",
            id: json["id"]?.text ?? "null",
            json: json,
            headers: headers
        )
        seen.withLock { $0.append(asked) }
        if asked.method.hasPrefix("notifications/") { return Response(.accepted) }
        return await script(asked, self)
    }

    // MARK: - Answers

    static func json(_ text: String, status: Int = 200) -> Response {
        Response(Status(status), type: "application/json", Array(text.utf8))
    }

    /// A stream of events that ends.
    static func events(_ messages: String...) -> Response { stream { writer in try await send(messages, writer) } }

    static func stream(_ write: @escaping @Sendable (ResponseWriter) async throws -> Void) -> Response {
        Response(.ok, headers: ["Content-Type": "text/event-stream"], body: .stream(contentLength: nil, write))
    }

    static func send(_ messages: [String], _ writer: ResponseWriter) async throws {
        for message in messages { try await writer.write(Array("data: \(message)\n\n".utf8)) }
    }

    /// A modern server with one tool, but for what `other` answers.
    static func modern(
        listChanged: Bool = false,
        tools: String = #"{"name":"echo","inputSchema":{"type":"object"}}"#,
        _ other: @escaping @Sendable (Asked, ScriptedMCPServer) async -> Response? = { _, _ in nil }
    ) -> Script {
        { asked, server in
            if let response = await other(asked, server) { return response }
            switch asked.method {
            case "server/discover":
                let tools = listChanged ? #"{"listChanged":true}"# : "{}"
                let capabilities = #"{"tools":\#(tools)}"#
                return json(asked.result(#"{"supportedVersions":["2026-07-28"],"capabilities":\#(capabilities)}"#))
            case "tools/list": return json(asked.result(#"{"tools":[\#(tools)]}"#))
            case "tools/call": return json(asked.result(#"{"content":[{"type":"text","text":"called"}]}"#))
            default: return json(asked.error(-32601), status: 404)
            }
        }
    }
}

extension JSONElement {
    var text: String { String(decoding: raw.bytes, as: UTF8.self) }
}
