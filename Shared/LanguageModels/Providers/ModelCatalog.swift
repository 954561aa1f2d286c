/// The models that are configured, by name.
public struct ModelCatalog: Sendable {
    /// A provider and what it offers.
    public struct Provider: Sendable {
        /// What stands before the slash.
        public var name: String
        /// Who answers.
        public var model: any LanguageModel
        /// The models that are known, by the provider's names of them.
        public var models: [String: ModelFacts]
        /// Whether it is asked for models that are not known, too.
        public var takesAnyModel: Bool

        /// A provider.
        public init(
            name: String,
            model: any LanguageModel,
            models: [String: ModelFacts] = [:],
            takesAnyModel: Bool = false
        ) {
            self.name = name
            self.model = model
            self.models = models
            self.takesAnyModel = takesAnyModel
        }
    }

    private let providers: [Provider]

    /// A catalogue of some providers, and of `rules`.
    public init(_ providers: [Provider] = []) { self.providers = providers }

    /// The model called `provider/model`, or `rules`: who answers, the provider's own name of it, and what is known.
    ///
    /// The provider's own name may have slashes too: `ollama/library/tiny`.
    public func find(_ name: String) -> (model: any LanguageModel, name: String, facts: ModelFacts)? {
        if name == RulesModel.name { return (RulesModel(), name, ModelFacts(prices: .free)) }
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let own = String(name[name.index(after: slash)...])
        guard !own.isEmpty, let provider = providers.first(where: { $0.name == name[..<slash] }) else { return nil }
        guard let facts = provider.models[own] ?? (provider.takesAnyModel ? ModelFacts() : nil) else { return nil }
        return (provider.model, own, facts)
    }

    /// What `find` knows, in order; `provider/*` stands for a provider that takes any name.
    public var names: [String] {
        [RulesModel.name]
            + providers.flatMap { provider in
                (provider.models.keys.sorted() + (provider.takesAnyModel ? ["*"] : [])).map { "\(provider.name)/\($0)" }
            }
    }
}
