import Contracts
import HTTPClient
import JSON
import Kernel

/// Reads a tool of `TOOLS_FILE`'s `http_tools`.
struct HTTPToolReader {
    static let schema = JSONSchema.object([
        .required("name", .string(1...64).described("1 to 64 letters, digits, '_' and '-'")),
        .optional("title", .string(1...200).described("for people; `name` by default")),
        .required("summary", .string(1...4000).described("what it does and when to use it, for models")),
        .required("input", .anyObject.described("a JSON Schema of an object: the arguments")),
        .required("effect", ToolsFile.effect),
        .optional("method", .word(["GET", "POST", "PUT", "PATCH", "DELETE"]).defaulting(to: "GET")),
        .required("url", .string(8...2000).described("template; what fills it is percent-encoded")),
        .optional("headers", ToolsFile.texts),
        .optional("body", .any.described("template; \"{name}\" becomes the argument's own value")),
        .optional("timeout_ms", .integer(100...600_000).defaulting(to: 30_000)),
        .optional("scope", ToolsFile.scope.described("what a caller must be allowed to, beside calling tools")),
        .optional("maximum_bytes", .integer(1...ToolsFile.maximumAnswer).defaulting(to: 262_144)),
        .optional("allow_private_addresses", .boolean.defaulting(to: false)),
        .optional(
            "idempotent",
            .boolean.described(
                "a second call with the same arguments changes nothing more; by default so for "
                    + "GET, PUT and DELETE"
            )
        ),
        .optional(
            "honours_idempotency_key",
            .boolean.defaulting(to: false).described("a second call with the same Idempotency-Key changes nothing more")
        ),
        .optional("cost_micros", .integer(0...1_000_000_000_000).described("of each answered call, in millionths")),
    ])

    let environment: [String: String]

    func tool(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> HTTPToolDeclaration? {
        let name = json["name"]?.string ?? ""
        if !ToolRegistry.isName(name) { mistakes.note("/name", "must be 1 to 64 letters, digits, '_' and '-'") }
        let shown = json["input"] ?? .null
        if shown["type"]?.string != "object" { mistakes.note("/input/type", "must be 'object'") }
        let input = mistakes.value("/input") { try JSONSchema(parsing: shown) }
        let method = json.value("method")?.string ?? "GET"
        let body = json.value("body")?.raw
        let secrets = DeclaredSecrets(environment: environment)
        let headers = secrets.filled(json.value("headers"), "/headers", &mistakes)
        let url = url(json["url"]?.string ?? "", shown, &mistakes)
        guard let input, let url, let effect = json["effect"]?.string.flatMap(Tool.Effect.init) else { return nil }
        return HTTPToolDeclaration(
            name: name,
            title: json.value("title")?.string ?? name,
            summary: json["summary"]?.string ?? "",
            shownInput: shown.raw,
            input: input,
            effect: effect,
            request: RequestTemplate(method: method, url: url, headers: Secret(headers), body: body),
            sendsArguments: body == nil && ["POST", "PUT", "PATCH"].contains(method),
            places: url.names,
            isIdempotent: json.value("idempotent")?.bool ?? ["GET", "PUT", "DELETE"].contains(method),
            honoursKey: json.value("honours_idempotency_key")?.bool ?? false,
            timeout: .milliseconds(json.value("timeout_ms")?.int ?? 30_000),
            scope: json.value("scope")?.string.flatMap(Scope.init),
            maximumBytes: json.value("maximum_bytes")?.int ?? 262_144,
            addresses: json.value("allow_private_addresses")?.bool ?? false ? .any : .publicOnly,
            cost: json.value("cost_micros")?.int,
            mask: secrets.mask(json)
        )
    }

    private func url(
        _ text: String,
        _ input: JSONElement,
        _ mistakes: inout DeclarationMistakes
    ) -> TextTemplate? {
        guard let url = mistakes.value("/url", { try TextTemplate(text) }) else { return nil }
        let authority = text.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // An argument must not choose whom our secrets are sent to.
        if !(text.hasPrefix("https://") || text.hasPrefix("http://")) || authority.isEmpty || authority.contains("{") {
            mistakes.note("/url", "must begin with http:// or https:// and a host without places for arguments")
        }
        for name in url.names where input["properties"]?[name] == nil {
            mistakes.note("/url", "names '\(name)', which is no property of the input")
        }
        return url
    }
}
