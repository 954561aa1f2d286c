import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func `writes Prometheus text`() {
        let metrics = Metrics()
        let counter = metrics.counter("jobs_total", "Jobs.", labels: ["kind": "a\"b"])
        counter.add()
        counter.add(2)
        metrics.gauge("connections", "Connections.").set(4)
        metrics.gauge("answer", "Computed.") { 42 }
        let histogram = metrics.histogram("wait_seconds", "Waits.", buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 7] { histogram.record(value) }
        #expect(
            metrics.prometheusText() == """
                # HELP answer Computed.
                # TYPE answer gauge
                answer 42.0
                # HELP connections Connections.
                # TYPE connections gauge
                connections 4
                # HELP jobs_total Jobs.
                # TYPE jobs_total counter
                jobs_total{kind="a\\"b"} 3
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.1"} 2
                wait_seconds_bucket{le="1.0"} 3
                wait_seconds_bucket{le="+Inf"} 4
                wait_seconds_sum 7.65
                wait_seconds_count 4

                """
        )
    }
}
