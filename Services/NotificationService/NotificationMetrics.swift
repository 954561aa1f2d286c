import Telemetry

/// What the service counts beside its feed and its server.
struct NotificationMetrics: Sendable {
    let connections: Gauge
    let subscriptions: Gauge
    let events: Counter
    let frames: Counter
    let fromRing: Counter
    let fromLog: Counter
    let fromSnapshot: Counter
    let logReads: Counter
    let snapshotReads: Counter
    let conflated: Counter
    let resynced: Counter
    let slowCloses: Counter
    let latency: Histogram
    let delivered: Counter
    let failed: Counter
    let dead: Counter
    let breakersOpened: Counter
    private let agentShut: Gauge
    private let hostsShut: Gauge

    init(_ metrics: Metrics) {
        connections = metrics.gauge("martlet_notify_connections", "Open WebSockets.")
        subscriptions = metrics.gauge("martlet_notify_subscriptions", "Contexts watched, summed over all WebSockets.")
        events = metrics.counter("martlet_notify_events_total", "Events that came in.")
        frames = metrics.counter("martlet_notify_frames_total", "Frames given to sockets.")
        let resumed = "Subscriptions and streams that caught up, by source."
        fromRing = metrics.counter("martlet_notify_resumed_total", resumed, labels: ["from": "ring"])
        fromLog = metrics.counter("martlet_notify_resumed_total", resumed, labels: ["from": "log"])
        fromSnapshot = metrics.counter("martlet_notify_resumed_total", resumed, labels: ["from": "snapshot"])
        let reads = "Reads of the database for those who come back; many share one."
        logReads = metrics.counter("martlet_notify_reads_total", reads, labels: ["of": "log"])
        snapshotReads = metrics.counter("martlet_notify_reads_total", reads, labels: ["of": "snapshot"])
        conflated = metrics.counter(
            "martlet_notify_slow_conflated_total",
            "Times that clients fell behind and from there got the newest of each job alone."
        )
        resynced = metrics.counter(
            "martlet_notify_slow_resynced_total",
            "Times that clients took nothing for so long that they were due a snapshot."
        )
        slowCloses = metrics.counter("martlet_notify_slow_closes_total", "Clients closed because they were too slow.")
        latency = metrics.histogram(
            "martlet_notify_latency_seconds",
            "From the event's transaction to its hand-over to the sockets."
        )
        let attempts = "Attempts to deliver a callback, by outcome."
        delivered = metrics.counter("martlet_notify_callbacks_total", attempts, labels: ["outcome": "delivered"])
        failed = metrics.counter("martlet_notify_callbacks_total", attempts, labels: ["outcome": "failed"])
        dead = metrics.counter("martlet_notify_callbacks_total", attempts, labels: ["outcome": "dead"])
        breakersOpened = metrics.counter(
            "martlet_notify_callback_breakers_opened_total",
            "How often a target of callbacks was given a rest because it did not answer."
        )
        let shut = "Targets of callbacks that are not called at the moment because they do not answer."
        agentShut = metrics.gauge("martlet_notify_callback_targets_shut", shut, labels: ["target": "agent"])
        hostsShut = metrics.gauge("martlet_notify_callback_targets_shut", shut, labels: ["target": "url"])
    }

    func shutLanes(of target: Callback.Target) -> Gauge { target == .agent ? agentShut : hostsShut }
}
