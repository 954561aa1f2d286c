import Telemetry

/// What a consumer counts.
struct ConsumerMetrics: Sendable {
    let delivered: Counter
    let connects: Counter
    let disconnects: Counter
    let unsettled: Gauge

    init(_ metrics: Metrics, connection: String) {
        delivered = metrics.counter(
            "rabbitmq_delivered_total",
            "Messages the broker has delivered.",
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
        unsettled = metrics.gauge(
            "rabbitmq_unsettled",
            "Deliveries that are not settled yet.",
            labels: ["connection": connection]
        )
    }
}
