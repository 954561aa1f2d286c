import Telemetry

/// What a provider's models are counted by.
struct ModelMetrics: Sendable {
    private let answers: Counter
    private let failures: [ModelFailure.Code: Counter]
    private let seconds: Histogram
    private let firstSeconds: Histogram
    private let inputTokens: Counter
    private let outputTokens: Counter
    let retries: Counter

    init(_ metrics: Metrics, provider: String) {
        func requests(_ outcome: String) -> Counter {
            metrics.counter(
                "martlet_model_requests_total",
                "Requests to language models by their outcome.",
                labels: ["provider": provider, "outcome": outcome]
            )
        }
        func tokens(_ kind: String) -> Counter {
            metrics.counter(
                "martlet_model_tokens_total",
                "Tokens that went into language models and came out of them.",
                labels: ["provider": provider, "kind": kind]
            )
        }
        answers = requests("answered")
        failures = Dictionary(uniqueKeysWithValues: ModelFailure.Code.allCases.map { ($0, requests($0.rawValue)) })
        seconds = metrics.histogram(
            "martlet_model_seconds",
            "Time from a request to a language model to the end of its answer.",
            labels: ["provider": provider]
        )
        firstSeconds = metrics.histogram(
            "martlet_model_first_chunk_seconds",
            "Time from a request to a language model to the first piece of its answer.",
            labels: ["provider": provider]
        )
        inputTokens = tokens("input")
        outputTokens = tokens("output")
        retries = metrics.counter(
            "martlet_model_retries_total",
            "Further attempts at requests to language models.",
            labels: ["provider": provider]
        )
    }

    func answered(_ reply: ModelReply, after duration: Duration) {
        answers.add()
        seconds.record(duration)
        if let first = reply.timeToFirstChunk { firstSeconds.record(first) }
        inputTokens.add(reply.usage.inputTokens)
        outputTokens.add(reply.usage.outputTokens)
    }

    func failed(_ code: ModelFailure.Code) { failures[code]?.add() }
}
