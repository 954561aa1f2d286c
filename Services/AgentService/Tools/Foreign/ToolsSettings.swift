import Kernel
import Lifecycle
import Settings

/// Which tools of others the environment names.
struct ToolsSettings: Sendable {
    let httpTools: [HTTPToolDeclaration]
    let servers: [RemoteServerDeclaration]

    /// Reads the setting, and the file that it names. `environment` is what the file may take secrets from.
    init(_ reader: inout SettingsReader, environment: [String: String] = Settings.Environment.current()) {
        guard
            let path = reader.optionalString(
                "TOOLS_FILE",
                "JSON file of other people's tools for runs of agents: HTTP requests and MCP servers"
            )
        else {
            (httpTools, servers) = ([], [])
            return
        }
        do {
            let file = ToolsFile(try SettingsFile.read(path), environment: environment, version: Version.current)
            for problem in file.problems { reader.refuse("TOOLS_FILE \(problem)") }
            (httpTools, servers) = (file.httpTools, file.servers)
        } catch {
            reader.refuse("TOOLS_FILE names a file that cannot be read")
            (httpTools, servers) = ([], [])
        }
    }
}
