import Concurrency

/// The registry of a process's metrics. Handles are made once, at composition, and kept by their users.
public final class Metrics: Sendable {
    enum Handle: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case computed(@Sendable () -> Double)
    }

    struct Family: Sendable {
        let help: String
        let type: String
        var series: [(labels: String, handle: Handle)] = []
    }

    private let families = Lock<[String: Family]>([:])

    /// A registry without metrics.
    public init() {}

    /// A number that only grows. Names end in `_total`.
    public func counter(_ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:]) -> Counter {
        let counter = Counter()
        add(name, help, "counter", labels, .counter(counter))
        return counter
    }

    /// A number that goes up and down.
    public func gauge(_ name: String, _ help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        let gauge = Gauge()
        add(name, help, "gauge", labels, .gauge(gauge))
        return gauge
    }

    /// A number computed whenever the metrics are read; `read` must not wait.
    public func gauge(
        _ name: String,
        _ help: String,
        labels: KeyValuePairs<String, String> = [:],
        reading read: @escaping @Sendable () -> Double
    ) {
        add(name, help, "gauge", labels, .computed(read))
    }

    /// A distribution, in seconds or bytes as its name says.
    public func histogram(
        _ name: String,
        _ help: String,
        buckets: [Double] = Histogram.latencyBuckets,
        labels: KeyValuePairs<String, String> = [:]
    ) -> Histogram {
        let histogram = Histogram(buckets: buckets)
        add(name, help, "histogram", labels, .histogram(histogram))
        return histogram
    }

    private func add(
        _ name: String,
        _ help: String,
        _ type: String,
        _ labels: KeyValuePairs<String, String>,
        _ handle: Handle
    ) {
        let text = PrometheusText.labels(labels.map { ($0.key, $0.value) })
        families.withLock { $0[name, default: Family(help: help, type: type)].series.append((text, handle)) }
    }

    /// All metrics in Prometheus' text format, sorted by name.
    public func prometheusText() -> String {
        PrometheusText.write(families.withLock { $0 })
    }
}
