import Contracts
import HTTPClient
import JSON
import Kernel
import MCPClient
import Subprocess

/// Reads a server of `TOOLS_FILE`'s `mcp_servers`.
struct RemoteServerReader {
    static let schema = JSONSchema.object([
        .required("name", .string(1...24).described("letters, digits, '-' and single '_'; its tools are `name__tool`")),
        .optional("url", .string(8...2000).described("of its Streamable HTTP endpoint")),
        .optional("headers", ToolsFile.texts),
        .optional("allow_private_addresses", .boolean.defaulting(to: false)),
        .optional("command", .string(1...1000).described("instead of `url`: the absolute path of a program")),
        .optional("arguments", .array(of: .string(0...4000), 0...100)),
        .optional("environment", ToolsFile.texts.described("all of the program's environment")),
        .optional("folder", .string(1...1000).defaulting(to: "/").described("the program's working folder")),
        .optional("tools", .array(of: .string(1...128), 0...1000).described("the only ones that are taken")),
        .optional("effects", .object([], additional: .matching([ToolsFile.effect])).described("by the server's names")),
        .optional(
            "trusted_annotations",
            .boolean.defaulting(to: false).described("believe what it says of its tools' effects")
        ),
        .optional("timeout_ms", .integer(100...600_000).defaulting(to: 60_000)),
        .optional("scope", ToolsFile.scope.described("what a caller must be allowed to, beside calling tools")),
        .optional("maximum_bytes", .integer(1...ToolsFile.maximumAnswer).defaulting(to: 262_144)),
    ])

    let environment: [String: String]
    let version: String

    func server(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> RemoteServerDeclaration? {
        let name = json["name"]?.string ?? ""
        if !RemoteToolName.isServer(name) {
            mistakes.note("/name", "must be 1 to 24 letters, digits, '-' and single '_', without '_' at its end")
        }
        guard let way = way(json, &mistakes) else { return nil }
        let effects = (json.value("effects")?.members.map { $0 } ?? [])
            .compactMap { member in member.value.string.flatMap(Tool.Effect.init).map { (member.name, $0) } }
        let mask = DeclaredSecrets(environment: environment).mask(json)
        return RemoteServerDeclaration(
            settings: RemoteServerSettings(name: name, way: way, version: version, mask: mask),
            allowed: json.value("tools").map { Set($0.elements.compactMap(\.string)) },
            effects: Dictionary(effects) { first, _ in first },
            trustsAnnotations: json.value("trusted_annotations")?.bool ?? false,
            timeout: .milliseconds(json.value("timeout_ms")?.int ?? 60_000),
            scope: json.value("scope")?.string.flatMap(Scope.init),
            maximumBytes: json.value("maximum_bytes")?.int ?? 262_144
        )
    }

    private func way(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> RemoteServerSettings.Way? {
        let secrets = DeclaredSecrets(environment: environment)
        switch (json.value("url")?.string, json.value("command")?.string) {
        case (let url?, nil):
            if !url.hasPrefix("https://"), !url.hasPrefix("http://") {
                mistakes.note("/url", "must begin with http:// or https://")
            }
            for name in ["arguments", "environment", "folder"] where json.value(name) != nil {
                mistakes.note("/\(name)", "is for programs only")
            }
            let mayBePrivate = json.value("allow_private_addresses")?.bool ?? false
            return .http(
                url: url,
                headers: Secret(secrets.filled(json.value("headers"), "/headers", &mistakes)),
                addresses: mayBePrivate ? .any : .publicOnly
            )
        case (nil, let program?):
            if !program.hasPrefix("/") { mistakes.note("/command", "must be an absolute path") }
            for name in ["headers", "allow_private_addresses"] where json.value(name) != nil {
                mistakes.note("/\(name)", "is for servers with a url only")
            }
            let variables = secrets.filled(json.value("environment"), "/environment", &mistakes)
            return .program(
                Command(
                    program,
                    json.value("arguments")?.elements.compactMap(\.string) ?? [],
                    folder: json.value("folder")?.string ?? "/",
                    environment: Dictionary(variables.map { ($0.name, $0.value) }) { first, _ in first },
                    limits: ResourceLimits(openFiles: 1024),
                    grace: .seconds(3)
                )
            )
        default:
            mistakes.note("", "must have either url or command")
            return nil
        }
    }
}
