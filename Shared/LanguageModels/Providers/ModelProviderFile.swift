import HTTPClient
import JSON
import Kernel
import Settings

/// The file of providers of language models that `MODEL_PROVIDERS_FILE` names.
///
/// ```json
/// {"providers": [{
///   "name": "acme", "wire": "openai-chat", "url": "https://api.acme.example/v1", "api_key": "${ACME_KEY}",
///   "models": [{"name": "swift-1", "context_tokens": 128000, "maximum_output_tokens": 8192,
///               "prices": {"input": 3000000, "cached_input": 300000, "output": 15000000}}]
/// }]}
/// ```
/// `${NAME}` in the key and in headers is a variable of the environment. Prices are in micro-units of money for a
/// million tokens.
struct ModelProviderFile {
    /// What each of the file's `providers` looks like.
    static let schema = JSONSchema.object([
        .required("name", .string(1...63).described("what stands before the slash in the names of its models")),
        .required("wire", .word(Wire.allCases.map(\.rawValue))),
        .required("url", .string(8...2000).described("what the wire's path is appended to, with the version")),
        .optional("api_key", .string(1...4000)),
        .optional("headers", .object([], additional: .matching([.string(0...4000)]))),
        .optional("allow_private_addresses", .boolean.defaulting(to: false)),
        .optional("connect_timeout_ms", .integer(10...600_000).defaulting(to: 5000)),
        .optional("idle_timeout_ms", .integer(10...3_600_000).defaulting(to: 60_000)),
        .optional("total_timeout_ms", .integer(10...86_400_000).defaulting(to: 600_000)),
        .optional("retries", .integer(0...10).defaulting(to: 2)),
        .optional("token_limit_member", .word(["max_completion_tokens", "max_tokens"])),
        .optional("encrypted_reasoning", .boolean.defaulting(to: true)),
        .optional("any_model", .boolean.defaulting(to: false)),
        .optional(
            "models",
            .array(
                of: .object([
                    .required("name", .string(1...200).described("the provider's own")),
                    .optional("context_tokens", .integer(1...1 << 40)),
                    .optional("maximum_output_tokens", .integer(1...1 << 40)),
                    .optional(
                        "prices",
                        .object(
                            ["input", "cached_input", "cache_write", "output"]
                                .map { .optional($0, .integer(0...1 << 50)) }
                        )
                    ),
                ]),
                0...1000
            )
        ),
    ])

    private let environment: [String: String]

    /// Reads a file's text.
    static func read(_ text: String, environment: [String: String]) -> Declarations<ProviderSettings> {
        let file = ModelProviderFile(environment: environment)
        return Declarations(text: text, list: "providers", schema: schema) { file.provider($0, &$1) }
    }

    private func provider(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> ProviderSettings? {
        let name = json["name"]?.string ?? ""
        if name.contains("/") || name == RulesModel.name {
            mistakes.note("/name", "must not be 'rules' and have no slash")
        }
        let url = json["url"]?.string ?? ""
        if !url.hasPrefix("https://") && !url.hasPrefix("http://") {
            mistakes.note("/url", "must begin with http:// or https://")
        }
        let models = models(json["models"] ?? .null, &mistakes)
        let takesAny = json.value("any_model")?.bool ?? false
        if models.isEmpty && !takesAny { mistakes.note("", "must have models, or any_model") }
        let key = json.value("api_key")?.string.flatMap { filled($0, "/api_key", &mistakes) }
        let headers = (json.value("headers") ?? .null).members
            .compactMap { member -> (name: String, value: String)? in
                filled(member.value.string ?? "", "/headers/\(member.name)", &mistakes).map { (member.name, $0) }
            }
        guard let wire = json["wire"]?.string.flatMap(Wire.init) else { return nil }
        func time(_ name: String, _ fallback: Duration) -> Duration {
            json.value(name)?.int.map { .milliseconds($0) } ?? fallback
        }
        let usual = ProviderSettings.Timeouts()
        return ProviderSettings(
            name: name,
            wire: wire,
            url: url,
            key: key.map { Secret($0) },
            headers: Secret(headers),
            addresses: json.value("allow_private_addresses")?.bool == true ? .any : .publicOnly,
            timeouts: ProviderSettings.Timeouts(
                connect: time("connect_timeout_ms", usual.connect),
                idle: time("idle_timeout_ms", usual.idle),
                total: time("total_timeout_ms", usual.total)
            ),
            retries: json.value("retries")?.int ?? 2,
            options: WireOptions(
                tokenLimitMember: json.value("token_limit_member")?.string ?? "max_completion_tokens",
                encryptedReasoning: json.value("encrypted_reasoning")?.bool ?? true
            ),
            models: models,
            takesAnyModel: takesAny
        )
    }

    private func models(_ json: JSONElement, _ mistakes: inout DeclarationMistakes) -> [String: ModelFacts] {
        var models: [String: ModelFacts] = [:]
        for (index, model) in json.elements.enumerated() {
            let prices = model.value("prices") ?? .null
            let facts = ModelFacts(
                contextTokens: model.value("context_tokens")?.int,
                maximumOutputTokens: model.value("maximum_output_tokens")?.int,
                prices: ModelFacts.Prices(
                    input: prices.value("input")?.int,
                    cachedInput: prices.value("cached_input")?.int,
                    cacheWrite: prices.value("cache_write")?.int,
                    output: prices.value("output")?.int
                )
            )
            if models.updateValue(facts, forKey: model["name"]?.string ?? "") != nil {
                mistakes.note("/models/\(index)/name", "stands there twice")
            }
        }
        return models
    }

    private func filled(_ text: String, _ place: String, _ mistakes: inout DeclarationMistakes) -> String? {
        do {
            return try EnvironmentText(text).filled(from: environment)
        } catch {
            mistakes.note(place, "names the variable '\(error.name)', which is not set")
            return nil
        }
    }
}
