import Contracts
import HTTPClient
import JSON
import Kernel
import Settings

/// The file of outside services that `HTTP_PROVIDERS_FILE` names.
///
/// ```json
/// {"providers": [{
///   "name": "acme", "kind": "acme-image", "summary": "pictures by Acme",
///   "params": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
///   "create": {"url": "https://api.acme.example/jobs", "headers": {"Authorization": "Bearer ${ACME_KEY}"},
///              "body": {"prompt": "{prompt}", "reference": "{job_id}"}, "id": "/id"},
///   "status": {"pointer": "/status", "done": ["succeeded"], "failed": ["failed"], "error": "/error"},
///   "poll": {"url": "https://api.acme.example/jobs/{id}", "headers": {"Authorization": "Bearer ${ACME_KEY}"}},
///   "result": {"pointer": "/output/url", "form": "url", "media_types": ["image/png"]}
/// }]}
/// ```
/// `${NAME}` in headers and secrets is a variable of the environment. Should the service repeat its value, of at least
/// eight bytes, in an answer or webhook, dots take its place before anything is kept. Instead of `poll` there may be
/// `"webhook": {"secret": "${ACME_SECRET}", "id": "/id"}`; the service then calls `/api/providers/acme/webhook`.
struct HTTPProviderFile {
    private static let request: [JSONSchema.Property] = [
        .required("url", .string(8...2000).described("template; what fills it is percent-encoded")),
        .optional("method", .word(["GET", "POST", "PUT", "PATCH", "DELETE"])),
        .optional("headers", .object([], additional: .matching([.string(0...4000)]))),
        .optional("body", .any.described("template; \"{name}\" becomes the param's own value")),
    ]

    private static let pointer = JSONSchema.string(0...500).described("a JSON pointer")

    /// What each of the file's `providers` looks like.
    static let schema = JSONSchema.object([
        .required("name", .string(1...100).described("also in the webhook's path")),
        .required("kind", .string(1...100)),
        .required("summary", .string(1...500)),
        .required("params", .anyObject.described("a JSON Schema of an object")),
        .optional("concurrency", .integer(1...10_000).defaulting(to: 16)),
        .optional("dependency", .string(1...100).described("retries are bounded per such name; `name` by default")),
        .optional("allow_private_addresses", .boolean.defaulting(to: false)),
        .required("create", .object(request + [.required("id", pointer)])),
        .optional("cancel", .object(request)),
        .required(
            "status",
            .object([
                .required("pointer", pointer),
                .required("done", .array(of: .string(1...100), 1...20)),
                .required("failed", .array(of: .string(1...100), 0...20)),
                .optional("error", pointer),
            ])
        ),
        .optional(
            "progress",
            .object([
                .required("pointer", pointer), .optional("total", .number(0.000_001...1e15).defaulting(to: 1)),
            ])
        ),
        .required(
            "result",
            .object([
                .required("pointer", pointer),
                .required("form", .word(HTTPKind.Result.Form.allCases.map(\.rawValue))),
                .optional(
                    "media_types",
                    .array(of: .string(3...100), 1...50).described("in lower case; all when left out")
                ),
                .optional("maximum_bytes", .integer(1...1 << 40)),
            ])
        ),
        .optional(
            "poll",
            .object(
                request + [
                    .optional("interval_ms", .integer(10...600_000).defaulting(to: 2000)),
                    .optional("cap_ms", .integer(10...3_600_000).defaulting(to: 30_000)),
                ]
            )
        ),
        .optional(
            "webhook",
            .object([
                .required("secret", .string(1...1000)), .required("id", pointer),
                .optional("signature_header", .string(1...100).defaulting(to: CallbackHeader.signature)),
                .optional("tolerance_ms", .integer(1000...86_400_000).defaulting(to: 300_000)),
            ])
        ),
    ])

    private let environment: [String: String]
    private let maximumBytes: Int

    /// Reads a file's text.
    static func read(_ text: String, environment: [String: String], maximumBytes: Int) -> Declarations<HTTPKind> {
        let reader = HTTPProviderFile(environment: environment, maximumBytes: maximumBytes)
        return Declarations(text: text, list: "providers", schema: schema) { reader.kind($0, &$1) }
    }

    private func kind(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> HTTPKind? {
        let name = json["name"]?.string ?? ""
        if !name.utf8.allSatisfy({ RequestTemplate.isUnreserved($0) }) {
            mistakes.note("/name", "must fit into a path: letters, digits, '-', '_', '.' and '~'")
        }
        let schema = mistakes.value("/params") {
            try JSONSchema(parsing: json["params"] ?? .null, strictly: true)
        }
        let create = request(json["create"], "/create", "POST", &mistakes)
        let cancel = json.value("cancel").flatMap { request($0, "/cancel", "POST", &mistakes) }
        let status = json["status"] ?? .null
        let waiting = waiting(json, &mistakes)
        let result = json["result"] ?? .null
        guard let schema, let create, let waiting,
            let id = pointer(json["create"]?["id"], "/create/id", &mistakes),
            let statusPointer = pointer(status["pointer"], "/status/pointer", &mistakes),
            let resultPointer = pointer(result["pointer"], "/result/pointer", &mistakes)
        else { return nil }
        let error = status.value("error").flatMap { pointer($0, "/status/error", &mistakes) }
        let progress = json.value("progress")
            .flatMap { json in
                pointer(json["pointer"], "/progress/pointer", &mistakes).map { ($0, json.value("total")?.double ?? 1) }
            }
        return HTTPKind(
            provider: name,
            name: json["kind"]?.string ?? "",
            summary: json["summary"]?.string ?? "",
            params: schema,
            concurrency: json.value("concurrency")?.int ?? 16,
            allowsPrivateAddresses: json.value("allow_private_addresses")?.bool ?? false,
            create: create,
            id: id,
            status: HTTPKind.StatusWords(
                pointer: statusPointer,
                done: Set(status["done"]?.elements.compactMap(\.string) ?? []),
                failed: Set(status["failed"]?.elements.compactMap(\.string) ?? [])
            ),
            error: error,
            progress: progress,
            result: HTTPKind.Result(
                pointer: resultPointer,
                form: result["form"]?.string.flatMap(HTTPKind.Result.Form.init) ?? .url,
                mediaTypes: result.value("media_types")?.elements.compactMap(\.string) ?? [],
                maximumBytes: min(maximumBytes, result.value("maximum_bytes")?.int ?? maximumBytes)
            ),
            waiting: waiting,
            cancel: cancel,
            dependency: json.value("dependency")?.string ?? name,
            mask: SecretMask(variables(in: json).compactMap { environment[$0] })
        )
    }

    private func waiting(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> HTTPKind.Waiting? {
        switch (json.value("poll"), json.value("webhook")) {
        case (let poll?, nil):
            let interval = Duration.milliseconds(poll.value("interval_ms")?.int ?? 2000)
            let cap = Duration.milliseconds(poll.value("cap_ms")?.int ?? 30_000)
            return request(poll, "/poll", "GET", &mistakes)
                .map { .poll($0, Backoff(from: interval, cap: max(interval, cap), factor: 1.5)) }
        case (nil, let webhook?):
            guard let secret = expanded(webhook["secret"]?.string ?? "", "/webhook/secret", &mistakes),
                let id = pointer(webhook["id"], "/webhook/id", &mistakes)
            else { return nil }
            // RFC 2104 §3 discourages keys shorter than the hash's output; half of it is the least we take.
            if secret.utf8.count < 16 { mistakes.note("/webhook/secret", "must have at least 16 bytes") }
            return .webhook(
                WebhookSignature(
                    header: webhook.value("signature_header")?.string ?? CallbackHeader.signature,
                    secret: Secret(secret),
                    tolerance: .milliseconds(webhook.value("tolerance_ms")?.int ?? 300_000)
                ),
                id: id
            )
        default:
            mistakes.note("", "must have either poll or webhook")
            return nil
        }
    }

    private func request(
        _ json: JSONElement?,
        _ place: String,
        _ method: String,
        _ mistakes: inout DeclarationMistakes
    ) -> RequestTemplate? {
        guard let json, let url = mistakes.value(place + "/url", { try TextTemplate(json["url"]?.string ?? "") })
        else { return nil }
        let text = json["url"]?.string ?? ""
        let authority = text.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" && $0 != "?" }
        // A param must not choose whom our secrets are sent to.
        if !(text.hasPrefix("https://") || text.hasPrefix("http://")) || authority.contains("{") {
            mistakes.note(place + "/url", "must begin with http:// or https:// and a host without places for params")
        }
        var headers: [(name: String, value: String)] = []
        for member in json.value("headers")?.members ?? JSONElement.null.members {
            guard let value = expanded(member.value.string ?? "", "\(place)/headers/\(member.name)", &mistakes) else {
                continue
            }
            headers.append((member.name, value))
        }
        return RequestTemplate(
            method: json.value("method")?.string ?? method,
            url: url,
            headers: Secret(headers),
            body: json.value("body")?.raw
        )
    }

    private func pointer(
        _ json: JSONElement?,
        _ place: String,
        _ mistakes: inout DeclarationMistakes
    ) -> JSONPointer? {
        let pointer = json?.string.flatMap { JSONPointer($0) }
        if pointer == nil { mistakes.note(place, "must be a JSON pointer, empty or beginning with '/'") }
        return pointer
    }

    /// The names of all `${NAME}` in a provider's text.
    private func variables(in json: JSONElement) -> Set<String> {
        EnvironmentText(String(decoding: json.raw.bytes, as: UTF8.self)).names
    }

    /// A text with each `${NAME}` replaced from the environment.
    private func expanded(_ text: String, _ place: String, _ mistakes: inout DeclarationMistakes) -> String? {
        do {
            return try EnvironmentText(text).filled(from: environment)
        } catch {
            mistakes.note(place, "names the variable '\(error.name)', which is not set")
            return nil
        }
    }
}
