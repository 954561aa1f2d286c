internal import Telemetry

/// What a server counts.
///
/// | name | type | when |
/// |---|---|---|
/// | `http_requests_total{class}` | counter | a response was begun, by class of its status |
/// | `http_request_seconds` | histogram | a response was begun: since the head had come |
/// | `http_clients_gone_total` | counter | a client went away before its answer |
/// | `http_connections` | gauge | open connections, WebSockets included |
/// | `http_connections_refused_total` | counter | answered with 503 or 429 at once |
/// | `http_accept_failures_total` | counter | the system refused to accept |
/// | `websocket_connections` | gauge | open WebSockets |
final class ServerMetrics: Sendable {
    private let classes: [Counter]
    let seconds: Histogram
    let clientsGone: Counter
    let refused: Counter
    let acceptFailures: Counter
    let webSockets: Gauge

    init(_ metrics: Metrics, _ census: Census) {
        classes = (2...5)
            .map {
                metrics.counter(
                    "http_requests_total",
                    "Requests answered, by class of status.",
                    labels: ["class": "\($0)xx"]
                )
            }
        seconds = metrics.histogram("http_request_seconds", "From a request's head to its response.")
        clientsGone = metrics.counter("http_clients_gone_total", "Clients that went away before their answer.")
        refused = metrics.counter("http_connections_refused_total", "Connections over a limit.")
        acceptFailures = metrics.counter("http_accept_failures_total", "Failures of accept, by lack of resources.")
        webSockets = metrics.gauge("websocket_connections", "Open WebSockets.")
        metrics.gauge("http_connections", "Open connections.") { Double(census.connections) }
    }

    func answered(_ status: Status, since start: Moment) {
        classes[status.code / 100 - 2].add()
        seconds.record(start.seconds(to: .now))
    }
}
