import HTTPClient
import JSON
import Kernel
public import Settings
public import Telemetry

/// Which models the environment offers.
public struct ModelSettings: Sendable {
    let providers: [ProviderSettings]

    /// Reads the settings, and the file that they may name. `environment` is what that file may take secrets from.
    public init(
        _ reader: inout SettingsReader,
        environment: [String: String] = Settings.Environment.current()
    ) {
        let file = reader.optionalString("MODEL_PROVIDERS_FILE", "JSON file of providers of language models")
        let openAIKey = reader.optionalSecret("OPENAI_API_KEY", "key of OpenAI: offers all its models as openai/…")
        let openAI = reader.optionalString(
            "OPENAI_BASE_URL",
            "another server of OpenAI's Chat Completions, with its version: http://localhost:8000/v1"
        )
        let anthropicKey = reader.optionalSecret(
            "ANTHROPIC_API_KEY",
            "key of Anthropic: offers all its models as anthropic/…"
        )
        let ollama = reader.optionalString(
            "OLLAMA_URL",
            "an Ollama server, http://localhost:11434: offers all its models as ollama/…"
        )
        for (name, url) in [("OPENAI_BASE_URL", openAI), ("OLLAMA_URL", ollama)] {
            guard let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") else { continue }
            reader.refuse("\(name) must begin with http:// or https://")
        }
        var providers: [ProviderSettings] = []
        if let file { providers += ModelSettings.read(file, environment, &reader) }
        if openAI != nil || openAIKey != nil {
            // Whoever names a server of their own means it, wherever it is.
            let url = openAI ?? "https://api.openai.com/v1"
            var provider = ProviderSettings(
                name: "openai",
                wire: .openAIChat,
                url: url,
                key: openAIKey,
                takesAnyModel: true
            )
            if openAI != nil { provider.addresses = .any }
            providers.append(provider)
        }
        if let anthropicKey {
            let url = "https://api.anthropic.com/v1"
            providers.append(
                ProviderSettings(name: "anthropic", wire: .anthropic, url: url, key: anthropicKey, takesAnyModel: true)
            )
        }
        if let ollama {
            var provider = ProviderSettings(name: "ollama", wire: .ollama, url: ollama, takesAnyModel: true)
            provider.addresses = .any
            providers.append(provider)
        }
        for name in Set(providers.map(\.name)).sorted() where providers.count(where: { $0.name == name }) > 1 {
            reader.refuse("the provider of models '\(name)' is configured more than once")
        }
        self.providers = providers
    }

    private static func read(
        _ path: String,
        _ environment: [String: String],
        _ reader: inout SettingsReader
    ) -> [ProviderSettings] {
        do {
            let file = ModelProviderFile.read(try SettingsFile.read(path), environment: environment)
            for problem in file.problems { reader.refuse("MODEL_PROVIDERS_FILE \(problem)") }
            return file.items
        } catch {
            reader.refuse("MODEL_PROVIDERS_FILE names a file that cannot be read")
            return []
        }
    }

    /// The catalogue of those models and of `rules`. Each provider has connections of its own, which end with the
    /// catalogue.
    public func catalog(logger: Logger, metrics: Metrics) -> ModelCatalog {
        ModelCatalog(
            providers.map { provider in
                let client = Client(
                    ClientSettings(
                        name: "model-\(provider.name)",
                        maximumConnections: 1024,
                        // An answer takes a connection for minutes, and who waits for one has its time limit running.
                        maximumConnectionsPerHost: 1024,
                        addressGuard: provider.addresses
                    ),
                    logger: logger,
                    metrics: metrics
                )
                return ModelCatalog.Provider(
                    name: provider.name,
                    model: StreamedModel(
                        settings: provider,
                        client: client,
                        metrics: ModelMetrics(metrics, provider: provider.name)
                    ),
                    models: provider.models,
                    takesAnyModel: provider.takesAnyModel
                )
            }
        )
    }
}
