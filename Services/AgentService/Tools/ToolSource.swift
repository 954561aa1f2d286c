/// Tools that come and go with something else, such as a server of somebody else's.
protocol ToolSource: Sendable {
    /// Those that there are now, in an order that depends on nothing else.
    var tools: [Tool] { get }

    /// The tool of a name.
    func tool(_ name: String) -> Tool?
}

/// How places that tools come from are called.
enum ToolSourceName {
    /// The routes of this service.
    static let own = "martlet"
    /// What `TOOLS_FILE` declares as HTTP requests.
    static let http = "http"

    /// A server of MCP.
    static func server(_ name: String) -> String { "mcp:\(name)" }
}
