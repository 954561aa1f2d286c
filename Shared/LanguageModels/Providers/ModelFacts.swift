/// What is known of a model: its limits and prices.
public struct ModelFacts: Sendable, Hashable {
    /// Micro-units of money for a million tokens; what is `nil` costs as much as `input` or is not known.
    public struct Prices: Sendable, Hashable {
        /// Nothing costs anything.
        public static let free = Prices(input: 0, output: 0)

        /// For what goes in.
        public var input: Int?
        /// For what goes in from the provider's cache.
        public var cachedInput: Int?
        /// For what goes in and into the provider's cache.
        public var cacheWrite: Int?
        /// For what comes out.
        public var output: Int?

        /// Prices.
        public init(input: Int? = nil, cachedInput: Int? = nil, cacheWrite: Int? = nil, output: Int? = nil) {
            self.input = input
            self.cachedInput = cachedInput
            self.cacheWrite = cacheWrite
            self.output = output
        }
    }

    /// How many tokens question and answer may have together.
    public var contextTokens: Int?
    /// How many tokens an answer may have.
    public var maximumOutputTokens: Int?
    /// What it costs.
    public var prices: Prices

    /// Facts.
    public init(contextTokens: Int? = nil, maximumOutputTokens: Int? = nil, prices: Prices = Prices()) {
        self.contextTokens = contextTokens
        self.maximumOutputTokens = maximumOutputTokens
        self.prices = prices
    }

    /// What an answer cost in micro-units, rounded up; `nil` where prices are not known.
    public func cost(of usage: ModelUsage) -> Int? {
        guard let input = prices.input, let output = prices.output else { return nil }
        let fresh = usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens
        let parts = [
            (max(0, fresh), input),
            (usage.cachedInputTokens, prices.cachedInput ?? input),
            (usage.cacheWriteTokens, prices.cacheWrite ?? input),
            (usage.outputTokens, output),
        ]
        // In 128 bits: no count of tokens that a provider makes up overflows.
        let total = parts.reduce(Int128(0)) { $0 + Int128(max(0, $1.0)) * Int128($1.1) }
        return Int(clamping: (total + 999_999) / 1_000_000)
    }
}
