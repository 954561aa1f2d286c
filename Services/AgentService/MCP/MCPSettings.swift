import Settings

/// What the MCP endpoint is told by its environment.
struct MCPSettings: Sendable {
    /// The endpoint's own address, as clients name it.
    let resource: String?
    /// Who gives out tokens for it.
    let authorizationServers: [String]
    /// The names under which it may be called, beside those of this machine.
    let hosts: Set<String>
    /// Whether the tools, resources and prompts of the official conformance suite are there.
    let hasFixtures: Bool
    /// For which tools a person is asked before they act.
    let confirmation: ToolConfirmation

    init(_ reader: inout SettingsReader, host: String, advertised: String?) {
        func list(_ text: String?) -> [String] {
            (text ?? "").split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
        }
        resource = reader.optionalString("MCP_PUBLIC_URL", "the MCP endpoint's own URL, as clients name it")
        let servers = reader.optionalString(
            "MCP_AUTHORIZATION_SERVERS",
            "who gives out tokens for MCP: URLs, by commas"
        )
        authorizationServers = list(servers)
        let more = reader.optionalString(
            "MCP_ALLOWED_HOSTS",
            "host names under which MCP may be called, by commas; this machine's are allowed"
        )
        hasFixtures = reader.flag(
            "MCP_CONFORMANCE_FIXTURES",
            "serve what the official conformance suite of MCP calls; not for production",
            default: false
        )
        confirmation = reader.choice(
            "MCP_CONFIRM",
            "irreversible: clients of MCP must have a person agree before a tool does what cannot be undone",
            default: ToolConfirmation.none
        )
        var hosts: Set<String> = ["localhost", "127.0.0.1", "[::1]", host.lowercased()]
        if let advertised { hosts.insert(advertised.lowercased()) }
        if let own = resource.flatMap(MCPGuard.host(ofURL:)) { hosts.insert(own) }
        for host in list(more) { hosts.insert(host.lowercased()) }
        self.hosts = hosts
        if !authorizationServers.isEmpty, resource == nil {
            reader.refuse("MCP_PUBLIC_URL must be set where MCP_AUTHORIZATION_SERVERS is")
        }
    }
}
