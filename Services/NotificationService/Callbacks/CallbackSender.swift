import Concurrency
import Contracts
import Crypto
import Edge
import HTTPClient
import JSON
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Delivers callbacks until they are answered with 2xx, or dead. Every replica does, each with callbacks of its own.
///
/// ```
///   pending ──taken, answered 2xx──▶ delivered
///     ▲ │
///     │ ├── failed, attempts left: waits (backoff, full jitter)
///     │ └── failed for the last time ──▶ dead
///     └──────────── retried by hand ───────┘
/// ```
///
/// At least once: a sender that dies after the answer and before noting it lets the next one repeat the same
/// Idempotency-Key. A job has one final event, so its callbacks need no order.
actor CallbackSender: Service {
    /// How callbacks are sent.
    struct Rules: Sendable {
        var backoff: Backoff
        var attempts: Int
        /// At a time, in all.
        var atOnce = 64
        /// At a time to one host; twice as many for a moment when some finish late.
        var perHost = 8
        /// How long one attempt may take.
        var timeout: Duration = .seconds(10)
        /// How long a taken callback belongs to its sender: longer than an attempt.
        var lease: Duration = .seconds(30)
    }

    nonisolated let name = "callback sender"
    private let pool: Pool
    private let rules: Rules
    private let secret: Secret<String>
    /// Where the agent is now: not where it was when the callback was noted.
    private let directory: ServiceDirectory
    /// For the agent, and for what users named.
    private let trusted: Client
    private let guarded: Client
    private nonisolated let wakeup: Wakeup
    private let metrics: NotificationMetrics
    private let logger: Logger
    private let clock: WallClock
    /// Notes what was delivered, many at a time.
    private nonisolated let deliveries: Batcher<Callback, Void>
    private var underWay: [String: Int] = [:]

    init(
        pool: Pool,
        rules: Rules,
        secret: Secret<String>,
        directory: ServiceDirectory,
        trusted: Client,
        guarded: Client,
        wakeup: Wakeup,
        metrics: NotificationMetrics,
        logger: Logger,
        clock: WallClock = .system
    ) {
        self.pool = pool
        self.rules = rules
        self.secret = secret
        self.directory = directory
        self.trusted = trusted
        self.guarded = guarded
        self.wakeup = wakeup
        self.metrics = metrics
        self.logger = logger
        self.clock = clock
        deliveries = Batcher(maximumBatch: 500, maximumWaiting: 10_000, parallel: 1) { callbacks in
            _ = try await pool.execute(CallbackStatements.delivered(callbacks))
            return callbacks.map { _ in }
        }
    }

    nonisolated func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.deliveries.run() }
                group.addTask { try await self.send() }
                try await group.waitForAll()
            }
        }
        await trusted.shutdown()
        await guarded.shutdown()
    }

    private func send() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
            var failures = 0
            while true {
                do {
                    let free = rules.atOnce - underWay.values.reduce(0, +)
                    let taken = free > 0 ? try await take(atMost: free) : []
                    failures = 0
                    for callback in taken {
                        underWay[callback.host, default: 0] += 1
                        group.addTask { try await self.deliver(callback) }
                    }
                    if taken.isEmpty { _ = try await wakeup.wait(atMost: .seconds(1)) }
                } catch let error as PostgresError {
                    failures += 1
                    logger.warning("callbacks cannot be taken", ["error": "\(error)"])
                    try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(50))
                }
            }
        }
    }

    private func take(atMost limit: Int) async throws -> [Callback] {
        let busy = underWay.filter { $0.value >= rules.perHost }.map(\.key)
        return
            try await pool.query(
                CallbackStatements.take(atMost: limit, perHost: rules.perHost, except: busy, lease: rules.lease)
            )
            .map(Callback.init)
    }

    private func deliver(_ callback: Callback) async throws {
        defer {
            underWay[callback.host, default: 1] -= 1
            if underWay[callback.host] == 0 { underWay[callback.host] = nil }
            wakeup.signal()
        }
        let failure = try await attempt(callback)
        do {
            if failure == nil {
                metrics.delivered.add()
                try await deliveries.submit(callback)
            } else if let failure {
                _ = try await pool.execute(failed(callback, failure))
            }
        } catch let error as PostgresError {
            // Taken again when its lease is over; the receiver knows the Idempotency-Key.
            logger.warning("a callback's outcome was not noted", ["error": "\(error)"])
        }
    }

    private func failed(_ callback: Callback, _ failure: String) -> SQL {
        guard callback.attempt < rules.attempts else {
            metrics.dead.add()
            logger.error("a callback is dead", ["event": callback.eventID, "host": callback.host, "reason": failure])
            return CallbackStatements.failed(callback, failure, tryingAfter: nil)
        }
        metrics.failed.add()
        let wait = rules.backoff.wait(afterAttempt: callback.attempt, random: .system)
        return CallbackStatements.failed(callback, failure, tryingAfter: wait)
    }

    /// Sends it once. Returns why it failed; `nil` when it was answered with 2xx.
    private func attempt(_ callback: Callback) async throws -> String? {
        guard callback.target == .agent else { return try await attempt(callback, at: callback.url, guarded) }
        return try await directory.withURL(of: .agent) { base in
            try await attempt(callback, at: base + CallbackLedger.agentPath, trusted)
        }
    }

    private func attempt(_ callback: Callback, at url: String, _ client: Client) async throws -> String? {
        let body = callback.body.bytes
        let time = clock.now().seconds
        let code = HMAC.sha256(
            key: Array(secret.reveal().utf8),
            message: CallbackHeader.signedBytes(time: time, body: body)
        )
        let request = ClientRequest(
            "POST",
            url,
            headers: [
                ("Content-Type", "application/json"),
                (CallbackHeader.signature, "t=\(time),v1=\(Hex.encode(code))"),
                (CallbackHeader.idempotencyKey, callback.eventID),
            ],
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(total: rules.timeout),
            trace: callback.traceparent.flatMap { TraceContext(traceparent: $0)?.child() }
        )
        do {
            let response = try await client.send(request)
            return (200...299).contains(response.status) ? nil : "answered with \(response.status)"
        } catch let error as ClientError {
            return error.description
        }
    }
}
