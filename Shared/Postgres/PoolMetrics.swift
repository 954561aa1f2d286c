import Telemetry

/// What a pool counts; the handles are made once.
struct PoolMetrics: Sendable {
    let open: Gauge
    let waiting: Gauge
    let refused: Counter
    let connectFailures: Counter
    let statementErrors: Counter
    let acquireWait: Histogram
    let roundTrip: Histogram

    init(_ metrics: Metrics, pool: String) {
        let labels: KeyValuePairs = ["pool": pool]
        open = metrics.gauge("postgres_connections", "Open connections.", labels: labels)
        waiting = metrics.gauge("postgres_waiting", "Callers waiting for a connection.", labels: labels)
        refused = metrics.counter("postgres_refused_total", "Callers that got no connection.", labels: labels)
        connectFailures = metrics.counter(
            "postgres_connect_failures_total",
            "Attempts to connect that failed.",
            labels: labels
        )
        statementErrors = metrics.counter(
            "postgres_errors_total",
            "Leases of a connection that ended with an error.",
            labels: labels
        )
        acquireWait = metrics.histogram(
            "postgres_acquire_seconds",
            "Time callers waited for a connection when none was idle.",
            labels: labels
        )
        roundTrip = metrics.histogram(
            "postgres_lease_seconds",
            "Time a connection was lent, for a statement or more.",
            labels: labels
        )
    }
}
