import Contracts
import Kernel
import MCPClient

/// A server of MCP whose tools runs may call, as `TOOLS_FILE` declares it.
struct RemoteServerDeclaration: Sendable {
    let settings: RemoteServerSettings
    /// The only tools that are taken, by the server's names; `nil` for all.
    let allowed: Set<String>?
    /// What calls do to the world, by the server's names of tools.
    let effects: [String: Tool.Effect]
    /// Whether what the server says of its tools' effects is believed.
    let trustsAnnotations: Bool
    let timeout: Duration
    let scope: Scope?
    let maximumBytes: Int

    /// What a call of a tool does: what is written here, else what a trusted server says, else the worst.
    func effect(of tool: String, isReadOnly: Bool) -> Tool.Effect {
        effects[tool] ?? (trustsAnnotations && isReadOnly ? .read : .irreversible)
    }
}
