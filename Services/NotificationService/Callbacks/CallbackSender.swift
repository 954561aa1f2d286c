import Concurrency
import HTTPClient
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Delivers the callbacks of one kind of target until they are answered with 2xx, or dead. Every replica does, each
/// with callbacks of its own.
///
/// ```
///   pending ──taken, answered 2xx──▶ delivered
///     ▲ │
///     │ ├── failed: waits (backoff, full jitter)
///     │ ├── its target is shut: waits until that is tried again
///     │ └── either, and it has been tried for too long ──▶ dead
///     └────────────────── retried by hand ─────────────────┘
/// ```
///
/// At least once: a sender that dies after the answer and before noting it lets the next one repeat the same
/// Idempotency-Key. In order per job: a later callback of a job waits until the earlier is delivered or dead.
actor CallbackSender: Service {
    /// How callbacks are sent.
    struct Rules: Sendable {
        var backoff: Backoff
        var lanes: CallbackLanes.Rules
        /// How long a taken callback belongs to its sender: longer than an attempt.
        var lease: Duration = .seconds(30)
        /// For how long a callback is tried, whether its target is shut or refuses it.
        var patience: Duration = .seconds(3 * 86_400)
        /// How often the line of what is due is read from its very beginning.
        var recheck: Duration = .seconds(5)
    }

    nonisolated let name: String
    nonisolated let wakeup: Wakeup
    private nonisolated let target: Callback.Target
    private let pool: Pool
    private let rules: Rules
    private nonisolated let post: CallbackPost
    private let metrics: NotificationMetrics
    private let logger: Logger
    /// Notes what was delivered, many at a time.
    private nonisolated let deliveries: Batcher<Callback, Void>
    private var lanes: CallbackLanes
    /// Nothing that is due lies before; `nil` to look from the beginning.
    private var low: Timestamp?
    private var checkedAt = ContinuousClock.now
    private var putOffAt: ContinuousClock.Instant?

    init(
        for target: Callback.Target,
        pool: Pool,
        rules: Rules,
        post: CallbackPost,
        wakeup: Wakeup,
        metrics: NotificationMetrics,
        logger: Logger
    ) {
        name = "callback sender (\(target.rawValue))"
        self.target = target
        self.pool = pool
        self.rules = rules
        self.post = post
        self.wakeup = wakeup
        self.metrics = metrics
        self.logger = logger.with(["target": target.rawValue])
        lanes = CallbackLanes(rules.lanes)
        deliveries = Batcher(maximumBatch: 500, maximumWaiting: 10_000, parallel: 1) { callbacks in
            _ = try await pool.execute(CallbackStatements.delivered(callbacks))
            return callbacks.map { _ in }
        }
    }

    /// The lanes with something under way or with trouble.
    var views: [CallbackLanes.View] { lanes.views(at: .now) }

    nonisolated func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.deliveries.run() }
                group.addTask { try await self.send() }
                try await group.waitForAll()
            }
        }
        await post.client.shutdown()
    }

    private func send() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
            var failures = 0
            while true {
                do {
                    try await putOff()
                    let taken = lanes.free > 0 ? try await take() : []
                    failures = 0
                    for callback in taken {
                        lanes.began(callback.lane, at: .now)
                        group.addTask { try await self.deliver(callback) }
                    }
                    if taken.isEmpty { try await rest() }
                } catch let error as PostgresError {
                    failures += 1
                    logger.warning("callbacks cannot be taken", ["error": "\(error)"])
                    try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(50))
                }
            }
        }
    }

    /// Waits for something to do: at most a second, and no longer than until a shut lane is to be tried again.
    private func rest() async throws {
        let next = lanes.shut(at: .now).map(\.for).min() ?? .seconds(1)
        _ = try await wakeup.wait(atMost: min(next, .seconds(1)))
    }

    private func take() async throws -> [Callback] {
        let now = ContinuousClock.now
        // From the beginning now and then: so nothing is left behind, whoever wrote it and however late.
        let isRecheck = low == nil || now - checkedAt >= rules.recheck
        let statement = CallbackStatements.take(
            for: target,
            atMost: lanes.free,
            perLane: rules.lanes.perLane,
            lanes.places(at: now),
            after: isRecheck ? nil : low,
            lease: rules.lease
        )
        let rows = try await pool.query(statement)
        if isRecheck { checkedAt = now }
        low = try rows[0].decode(0)
        return try rows.compactMap(Callback.init)
    }

    /// Moves what waits for shut lanes out of the way, some at a time.
    private func putOff() async throws {
        let now = ContinuousClock.now
        guard putOffAt.map({ now - $0 >= .seconds(1) }) ?? true else { return }
        let shut = lanes.shut(at: now)
        metrics.shutLanes(of: target).set(shut.count)
        guard !shut.isEmpty else { return }
        putOffAt = now
        var count = 0
        repeat {
            let statement = CallbackStatements.putOff(for: target, shut, olderThan: rules.patience, atMost: 1000)
            let states = try await pool.query(statement).map { try $0.decode(0, as: String.self) }
            metrics.dead.add(states.count { $0 == "dead" })
            count = states.count
        } while count == 1000
    }

    private func deliver(_ callback: Callback) async throws {
        var outcome = CallbackOutcome.unsent("the service stops")
        defer {
            if lanes.ended(callback.lane, outcome, at: .now, random: .system) { shut(callback) }
            wakeup.signal()
        }
        outcome = try await post.send(callback)
        do {
            if case .delivered = outcome {
                metrics.delivered.add()
                try await deliveries.submit(callback)
            } else {
                try await noteFailure(of: callback, outcome)
            }
        } catch let error as PostgresError {
            // Taken again when its lease is over; the receiver knows the Idempotency-Key.
            logger.warning("a callback's outcome was not noted", ["error": "\(error)"])
        }
    }

    private func shut(_ callback: Callback) {
        metrics.breakersOpened.add()
        logger.warning("a target of callbacks does not answer", ["host": callback.host])
        // What is due for it is in the way.
        putOffAt = nil
    }

    private func noteFailure(of callback: Callback, _ outcome: CallbackOutcome) async throws {
        let reason = outcome.failure ?? ""
        var wait = rules.backoff.wait(afterAttempt: callback.attempt, random: .system)
        if case .failed(_, let asked?) = outcome { wait = max(wait, min(asked, .seconds(3600))) }
        let statement = CallbackStatements.failed(callback, reason, tryingAfter: wait, olderThan: rules.patience)
        let state: String? = try await pool.query(statement).first?.decode(0)
        guard state == "dead" else { return metrics.failed.add() }
        metrics.dead.add()
        logger.error("a callback is dead", ["event": callback.eventID, "host": callback.host, "reason": reason])
    }
}
