import Telemetry

/// What a publisher counts.
struct PublisherMetrics: Sendable {
    let confirmed: Counter
    let returned: Counter
    let nacked: Counter
    let confirmTime: Histogram
    let connects: Counter
    let disconnects: Counter
    let blocked: Gauge

    init(_ metrics: Metrics, connection: String) {
        func outcome(_ name: String) -> Counter {
            metrics.counter(
                "rabbitmq_published_total",
                "Messages the broker has answered for.",
                labels: ["connection": connection, "outcome": name]
            )
        }
        confirmed = outcome("confirmed")
        returned = outcome("returned")
        nacked = outcome("nacked")
        confirmTime = metrics.histogram(
            "rabbitmq_publish_seconds",
            "Time from handing over a batch to its last confirm.",
            labels: ["connection": connection]
        )
        connects = metrics.counter(
            "rabbitmq_connects_total",
            "Connections that became ready.",
            labels: ["connection": connection]
        )
        disconnects = metrics.counter(
            "rabbitmq_disconnects_total",
            "Attempts that failed and connections that were lost.",
            labels: ["connection": connection]
        )
        blocked = metrics.gauge(
            "rabbitmq_blocked",
            "1 while the broker accepts no messages.",
            labels: ["connection": connection]
        )
    }

    func count(_ outcome: Outcome) {
        switch outcome {
        case .confirmed: confirmed.add()
        case .returned: returned.add()
        case .nacked: nacked.add()
        }
    }
}
