import Concurrency
public import Contracts
import Kernel
public import Lifecycle
public import Postgres
public import RabbitMQ
public import Telemetry

/// Follows the event log for one process: every event once, in order.
///
/// ```
///   broker ──▶ is it the next in the chain? ── yes ──▶ out
///                 │ no, or the broker is away or silent
///                 ▼
///              read the log after the last one ──────▶ out
/// ```
///
/// The log is the truth and the broker only its fast lane: what the broker loses, repeats or garbles changes nothing
/// but the time. A feed begins at the end of the log; what came before is read by who needs it.
public final class EventFeed: Service {
    /// What the user of a feed is told, one thing after the other.
    public enum Step: Sendable {
        /// The feed stands here and everything after it will come. At the start, and when the database's history is
        /// another one than before: places of the old history mean nothing any more.
        case began(Position)
        /// The next events.
        case events([FeedEvent])
    }

    /// How events come in at the moment.
    public enum Condition: String, Sendable {
        /// Not yet at all.
        case starting
        /// From the broker.
        case following
        /// From the log, because the broker is away: up to a second late.
        case readingLog
        /// Not at all: neither is there.
        case stalled
    }

    private struct State {
        var inbox: [ConsumerEvent] = []
        var isConnected = false
        /// What was published before the queue was there has been read from the log.
        var hasCaughtUp = false
        var hasBegun = false
        var logFails = false
    }

    /// What it is called in logs.
    public let name = "event feed"
    private let reader: EventLogReader
    private let consumer: Consumer?
    private let output: @Sendable (Step) async throws -> Void
    private let period: Duration
    private let logger: Logger
    private let metrics: EventFeedMetrics
    private let state = Lock(State())
    private let arrived = Wakeup()
    private let batchSize = 500
    /// So many messages are acknowledged together, or those of a second; the broker waits for a thousand.
    private let acknowledgedTogether = 200

    /// A feed that gives everything to `output`, which it waits for; without a broker it reads the log every `period`.
    public init(
        pool: Pool,
        broker: BrokerAddress?,
        logger: Logger,
        metrics: Metrics,
        period: Duration = .seconds(1),
        output: @escaping @Sendable (Step) async throws -> Void
    ) {
        reader = EventLogReader(pool)
        // All keys: the chain of positions runs through all of them.
        consumer = broker.map {
            Consumer(
                $0,
                topology: Relay.topology,
                source: .exclusive(bindings: [(EventType.exchange, "#")]),
                prefetch: 1000,
                settings: ConnectionSettings(name: "event feed"),
                logger: logger,
                metrics: metrics
            )
        }
        self.output = output
        self.period = period
        self.logger = logger
        self.metrics = EventFeedMetrics(metrics)
    }

    /// How events come in at the moment.
    public var condition: Condition {
        state.withLock { state in
            if !state.hasBegun { return .starting }
            if state.isConnected && state.hasCaughtUp { return .following }
            return state.logFails ? .stalled : .readingLog
        }
    }

    /// The broker's connection; `nil` without a broker.
    public var brokerState: ConnectionState? { consumer?.state }

    /// Follows until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling { [self] in
            try await withThrowingTaskGroup(of: Void.self) { group in
                if let consumer {
                    group.addTask { await consumer.run() }
                    group.addTask { await self.receive(from: consumer) }
                }
                group.addTask { try await self.follow() }
                defer { group.cancelAll() }
                try await group.waitForAll()
            }
        }
    }

    /// Moves what the consumer has to the inbox, which is bounded by the prefetch: it is acknowledged when handled.
    private func receive(from consumer: Consumer) async {
        while case let batch = await consumer.events.nextBatch(atMost: 1000), !batch.isEmpty {
            state.withLock { state in
                for event in batch {
                    switch event {
                    case .connected: state.isConnected = true
                    case .disconnected:
                        state.isConnected = false
                        state.hasCaughtUp = false
                        // They cannot be acknowledged any more, and the log has them.
                        state.inbox = []
                    case .delivery: break
                    }
                    state.inbox.append(event)
                }
            }
            arrived.signal()
        }
    }

    private func follow() async throws {
        let backoff = Backoff(from: .milliseconds(100), cap: period)
        var follower = Follower(last: nil)
        var failures = 0
        while true {
            do {
                try Task.checkCancellation()
                if follower.tracker == nil { try await begin(&follower) }
                _ = try await arrived.wait(atMost: period)
                let inbox = state.withLock { state in
                    defer { state.inbox = [] }
                    return state.inbox
                }
                if inbox.isEmpty || follower.mustReadLog {
                    try await readLog(&follower, checkingEpoch: true)
                    metrics.reads.add()
                }
                try await handle(inbox, &follower)
                failures = 0
            } catch let error as PostgresError {
                failures += 1
                // What was in the inbox may have been skipped.
                follower.mustReadLog = true
                state.withLock { $0.logFails = true }
                if failures == 1 { logger.warning("the event log cannot be read", ["error": "\(error)"]) }
                try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(20))
            }
        }
    }

    private func acknowledge(_ follower: inout Follower) {
        guard let handled = follower.handled else { return }
        let now = ContinuousClock.now
        guard follower.unacknowledged >= acknowledgedTogether || now - follower.acknowledgedAt > .seconds(1) else {
            return
        }
        consumer?.acknowledge(handled, multiple: true)
        follower.handled = nil
        follower.unacknowledged = 0
        follower.acknowledgedAt = now
    }

    /// Where the feed stands.
    private struct Follower {
        var tracker: ChainTracker?
        var mustReadLog = false
        /// The last message that was handled and not acknowledged.
        var handled: Delivery.Tag?
        var unacknowledged = 0
        var acknowledgedAt = ContinuousClock.now

        init(last: Position?) { tracker = last.map { ChainTracker(last: $0) } }
    }

    private func begin(_ follower: inout Follower) async throws {
        let epoch = try await reader.epoch()
        let end = try await reader.settledEnd().position(in: epoch)
        follower.tracker = ChainTracker(last: end)
        follower.mustReadLog = false
        try await output(.began(end))
        state.withLock { $0.hasBegun = true }
        logger.info("event feed begins", ["position": end])
    }

    private func handle(_ inbox: [ConsumerEvent], _ follower: inout Follower) async throws {
        var ready: [FeedEvent] = []
        // Also when it fails in the middle: what is skipped is read from the log.
        defer { acknowledge(&follower) }
        for event in inbox {
            switch event {
            case .connected: follower.mustReadLog = true
            case .disconnected: follower.handled = nil
            case .delivery(let delivery):
                follower.handled = delivery.tag
                follower.unacknowledged += 1
                try await take(delivery, &ready, &follower)
            }
            if follower.mustReadLog {
                try await flush(&ready)
                try await readLog(&follower, checkingEpoch: false)
                state.withLock { $0.hasCaughtUp = $0.isConnected }
            }
        }
        try await flush(&ready)
    }

    private func take(_ delivery: Delivery, _ ready: inout [FeedEvent], _ follower: inout Follower) async throws {
        let headers = delivery.properties.headers
        func time(_ name: String) -> Timestamp? { headers[name]?.int.map { Timestamp(microseconds: $0) } }
        let (stored, published) = (time(EventPassage.storedHeader), time(EventPassage.publishedHeader))
        guard let event = FeedEvent(wire: delivery.body, stored: stored, published: published) else {
            metrics.poison.add()
            logger.warning("a message on the exchange is no event", ["routing_key": delivery.routingKey])
            follower.mustReadLog = true
            return
        }
        guard let tracker = follower.tracker else { return }
        switch tracker.step(event.position, after: event.previous) {
        case .deliver:
            ready.append(event)
            follower.tracker?.advance(to: event.position)
        case .drop: metrics.repeated.add()
        case .readLog:
            // The log has what is missing, and this one too.
            metrics.gaps.add()
            follower.mustReadLog = true
        case .newHistory:
            // Ours has changed, or a message of the old one was still on its way.
            try await flush(&ready)
            try await readLog(&follower, checkingEpoch: true)
        }
    }

    private func flush(_ ready: inout [FeedEvent]) async throws {
        guard !ready.isEmpty else { return }
        metrics.delivered.add(ready.count)
        try await output(.events(ready))
        ready = []
    }

    /// Hands on everything the log has after the last event.
    private func readLog(_ follower: inout Follower, checkingEpoch: Bool) async throws {
        guard let last = follower.tracker?.last else { return }
        if checkingEpoch, try await reader.epoch() != last.epoch {
            logger.warning("the database has another history now")
            try await begin(&follower)
            return
        }
        var previous = LogPlace(last)
        while case let events = try await reader.settled(after: previous, atMost: batchSize), !events.isEmpty {
            var ready: [FeedEvent] = []
            for event in events {
                if let event = FeedEvent(wire: event.wire(epoch: last.epoch, after: previous), stored: event.at) {
                    ready.append(event)
                } else {
                    metrics.poison.add()
                    logger.error("an event in the log has no id or type", ["place": event.place.row])
                }
                previous = event.place
            }
            follower.tracker?.advance(to: previous.position(in: last.epoch))
            metrics.healed.add(ready.count)
            try await flush(&ready)
        }
        follower.mustReadLog = false
        state.withLock { $0.logFails = false }
    }
}
