import Telemetry

/// What a client counts.
struct ClientMetrics: Sendable {
    private let answers: [Counter]
    private let time: Histogram
    let failed: Counter
    let retries: Counter

    init(_ metrics: Metrics, client: String) {
        func counter(_ outcome: String) -> Counter {
            metrics.counter(
                "http_client_requests_total",
                "Requests by the class of their answer.",
                labels: ["client": client, "outcome": outcome]
            )
        }
        answers = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"].map(counter)
        failed = counter("failed")
        time = metrics.histogram(
            "http_client_seconds",
            "Time from the request to its answer, or to the head of a stream.",
            labels: ["client": client]
        )
        retries = metrics.counter(
            "http_client_retries_total",
            "Further attempts at a request.",
            labels: ["client": client]
        )
    }

    func answered(status: Int, after duration: Duration) {
        let kind = status / 100
        answers[answers.indices.contains(kind) ? kind : 0].add()
        time.record(duration)
    }
}
