import HTTPServer
import JSON
import Kernel

/// What a modern request says twice, in its headers and in its body, so that proxies can tell requests apart: both must
/// say the same.
enum ModernHeaders {
    /// Checks a request against the headers that it came with.
    static func check(_ message: MCPMessage, _ headers: Headers) throws(MCPError) {
        guard let version = message.meta("protocolVersion")?.string else {
            throw MCPError.parameters("_meta must have \(MCPVersion.prefix)protocolVersion", status: 400)
        }
        guard message.meta("clientCapabilities")?.kind == .object else {
            throw MCPError.parameters("_meta must have \(MCPVersion.prefix)clientCapabilities", status: 400)
        }
        guard trimmed(headers["MCP-Protocol-Version"]) == version else {
            throw MCPError.header("MCP-Protocol-Version is not what _meta says")
        }
        guard version == MCPVersion.modern else { throw MCPError.version(version) }
        guard trimmed(headers["Mcp-Method"]) == message.method else {
            throw MCPError.header("Mcp-Method is not the method of the body")
        }
        if let level = message.meta("logLevel"), level.string.flatMap(Severity.init) == nil {
            throw MCPError.parameters("logLevel must be one of \(Severity.allCases.map(\.rawValue))", status: 400)
        }
        let member =
            switch message.method {
            case "tools/call", "prompts/get": "name"
            case "resources/read": "uri"
            case let method where MCPTasks.methods.contains(method): "taskId"
            default: ""
            }
        guard !member.isEmpty, let name = message.parameters[member]?.string else { return }
        guard let said = trimmed(headers["Mcp-Name"]), decoded(said) == name else {
            throw MCPError.header("Mcp-Name is not the \(member) of the body")
        }
    }

    private static func trimmed(_ text: String?) -> String? {
        guard let text else { return nil }
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let rest = text.drop(while: isBlank)
        return String(rest.reversed().drop(while: isBlank).reversed())
    }

    /// The value of a header that holds what headers cannot: `=?base64?…?=`.
    static func decoded(_ text: String) -> String? {
        guard text.hasPrefix("=?base64?"), text.hasSuffix("?="), text.utf8.count >= 11 else { return text }
        let inner = text.dropFirst(9).dropLast(2).replacing("+", with: "-").replacing("/", with: "_")
        return Base64URL.decode(inner.prefix { $0 != "=" }).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
