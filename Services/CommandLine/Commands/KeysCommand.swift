import Contracts
import JSON

/// `martlet keys`: API keys.
struct KeysCommand: Command {
    static let syntax = CommandSyntax(
        "keys",
        "create NAME|list|revoke ID",
        "Makes, lists and revokes API keys. A token is shown once.",
        operands: 1...2,
        options: [
            .value(
                "scope",
                "SCOPE",
                "what the key may do: \(Scope.allCases.map(\.rawValue).joined(separator: " "))",
                repeatable: true
            ),
            .value("project", "ID", "the only project it may see"), .value("days", "N", "how long it lives"),
        ]
    )
    let method: String
    let path: String
    let body: [UInt8]?

    init(_ arguments: ParsedArguments) throws {
        let words = arguments.operands
        switch (words[0], words.count) {
        case ("list", 1): (method, path, body) = ("GET", "/api/keys?limit=200", nil)
        case ("revoke", 2): (method, path, body) = ("DELETE", "/api/keys/\(try APIKeyID(argument: words[1]))", nil)
        case ("create", 2):
            let scopes = arguments.all("scope")
            guard !scopes.isEmpty else { throw UsageError("--scope is missing") }
            for scope in scopes where Scope(rawValue: scope) == nil { throw UsageError("\(scope) is not a scope") }
            let project = try arguments.value("project").map { try ProjectID(argument: $0) }
            let days = try arguments.int("days", in: 1...3650)
            (method, path) = ("POST", "/api/keys")
            body = JSONWriter.bytes { json in
                json.object {
                    $0.member("name", words[1])
                    $0.member("scopes", scopes)
                    if let project { $0.member("project_id", project) }
                    if let days { $0.member("expires_in_ms", days * 86_400_000) }
                }
            }
        default: throw UsageError("keys \(words.joined(separator: " ")) is not create NAME, list or revoke ID")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let answer = try await session.services.call(method, session.jobQueue, path, body: body)
        switch method {
        case "POST":
            session.console.line(session.writesJSON ? answer.text : answer["token"]?.string ?? "")
            if !session.writesJSON { session.console.remark("Keep it: it cannot be shown again.") }
        case "GET":
            for key in answer["items"]?.elements.map({ $0 }) ?? [] {
                session.console.line(session.writesJSON ? key.text : KeysCommand.line(key))
            }
        default: session.console.remark("revoked")
        }
        return .success
    }

    private static func line(_ key: JSONElement) -> String {
        let scopes = key["scopes"]?.elements.compactMap(\.string).joined(separator: " ") ?? ""
        let id = (key.value("key_id") ?? key.value("id"))?.string ?? ""
        let end = key.value("revoked_at") != nil ? "  revoked" : ""
        return "\(id)  \(ProgressBar.printable(key["name"]?.string ?? ""))  \(scopes)\(end)"
    }
}
