import Telemetry

/// What a feed counts.
struct EventFeedMetrics: Sendable {
    let delivered: Counter
    let healed: Counter
    let gaps: Counter
    let repeated: Counter
    let poison: Counter
    let reads: Counter

    init(_ metrics: Metrics) {
        delivered = metrics.counter("martlet_feed_events_total", "Events handed on, each once.")
        healed = metrics.counter("martlet_feed_log_events_total", "Events that came from the log, not from the broker.")
        gaps = metrics.counter("martlet_feed_gaps_total", "Gaps in the chain of positions that the log filled.")
        repeated = metrics.counter("martlet_feed_repeated_total", "Messages of events that had come before.")
        poison = metrics.counter("martlet_feed_poison_total", "Messages that are no events.")
        reads = metrics.counter("martlet_feed_log_reads_total", "Looks at the log while the broker was silent or away.")
    }
}
