import Contracts
import HTTPClient
import JSON
import Kernel
import MCPClient
import Settings

/// The file of other people's tools that `TOOLS_FILE` names.
///
/// ```json
/// {"http_tools": [{
///    "name": "find_ticket", "title": "Find a ticket", "summary": "Returns a ticket of the help desk by its number.",
///    "input": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
///    "effect": "read", "method": "GET", "url": "https://desk.example/api/tickets/{number}",
///    "headers": {"Authorization": "Bearer ${DESK_TOKEN}"}
///  }],
///  "mcp_servers": [
///    {"name": "wiki", "url": "https://wiki.example/mcp", "headers": {"Authorization": "Bearer ${WIKI_TOKEN}"},
///     "effects": {"search": "read"}},
///    {"name": "files", "command": "/usr/local/bin/files-server", "arguments": ["--root", "/srv/files"],
///     "tools": ["list", "read"], "trusted_annotations": true}
///  ]}
/// ```
/// `${NAME}` in headers, and in the environment of a program, is a variable of our environment. Should a service repeat
/// its value, of at least eight bytes, dots take its place.
struct ToolsFile {
    /// Bytes of an answer, however much a tool may have.
    static let maximumAnswer = 8 << 20

    static let effect = JSONSchema.word(["read", "write", "irreversible"])
    static let scope = JSONSchema.word(Scope.allCases.map(\.rawValue))
    static let texts = JSONSchema.object([], additional: .matching([.string(0...4000)]))

    private(set) var httpTools: [HTTPToolDeclaration] = []
    private(set) var servers: [RemoteServerDeclaration] = []
    /// What is wrong, one sentence each.
    private(set) var problems: [String] = []

    /// Reads a file's text. `environment` is what it may take secrets from.
    init(_ text: String, environment: [String: String], version: String) {
        let root: JSONElement
        do throws(JSONError) {
            root = try JSONDocument(parsing: text).root
        } catch {
            problems = ["is not JSON: \(error)"]
            return
        }
        let whole = JSONSchema.object([
            .optional("http_tools", .array(of: .any)), .optional("mcp_servers", .array(of: .any)),
            .optional("$schema", .string()),
        ])
        problems = whole.issues(in: root).map { "at '\($0.pointer)' \($0.message)" }
        guard problems.isEmpty else { return }
        let tools = Declarations(
            text: ToolsFile.part("http_tools", of: root),
            list: "http_tools",
            schema: HTTPToolReader.schema
        ) { HTTPToolReader(environment: environment).tool($0, &$1) }
        let servers = Declarations(
            text: ToolsFile.part("mcp_servers", of: root),
            list: "mcp_servers",
            schema: RemoteServerReader.schema
        ) { RemoteServerReader(environment: environment, version: version).server($0, &$1) }
        httpTools = tools.items
        self.servers = servers.items
        problems = tools.problems + servers.problems + ToolsFile.clashes(httpTools, self.servers)
    }

    private static func part(_ name: String, of root: JSONElement) -> String {
        var json = JSONWriter()
        json.object { json in json.member(name, root.value(name)?.raw ?? RawJSON("[]")) }
        return json.text
    }

    /// Names that stand for two things.
    private static func clashes(_ tools: [HTTPToolDeclaration], _ servers: [RemoteServerDeclaration]) -> [String] {
        var problems: [String] = []
        for (name, count) in Dictionary(tools.map { ($0.name, 1) }, uniquingKeysWith: +) where count > 1 {
            problems.append("declares the tool '\(name)' more than once")
        }
        for (name, count) in Dictionary(servers.map { ($0.settings.name, 1) }, uniquingKeysWith: +) where count > 1 {
            problems.append("declares the server '\(name)' more than once")
        }
        for server in servers {
            for tool in tools where tool.name.hasPrefix(server.settings.name + "__") {
                problems.append("declares '\(tool.name)', which is how tools of '\(server.settings.name)' are called")
            }
        }
        return problems.sorted()
    }
}

/// What the declarations of this file have in common.
struct DeclaredSecrets {
    let environment: [String: String]

    /// The headers, or variables, of `json` with each `${NAME}` replaced.
    func filled(
        _ json: JSONElement?,
        _ place: String,
        _ mistakes: inout DeclarationMistakes
    ) -> [(name: String, value: String)] {
        var filled: [(name: String, value: String)] = []
        for member in json?.members.map({ $0 }) ?? [] {
            do {
                filled.append((member.name, try EnvironmentText(member.value.string ?? "").filled(from: environment)))
            } catch {
                mistakes.note("\(place)/\(member.name)", "names the variable '\(error.name)', which is not set")
            }
        }
        return filled
    }

    /// What takes the secrets of a declaration out of answers.
    func mask(_ json: JSONElement) -> SecretMask {
        let names = EnvironmentText(String(decoding: json.raw.bytes, as: UTF8.self)).names
        return SecretMask(names.compactMap { environment[$0] })
    }
}
