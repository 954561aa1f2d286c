import Concurrency
public import Telemetry

/// Publishes messages over a connection of its own and says what became of each.
///
/// `run()` must be running. Batches of several callers share the connection, in the order in which they came; each
/// batch is written in its order, many messages before the first confirm.
public final class Publisher: Sendable {
    /// How much is on its way at a time.
    public struct Limits: Sendable {
        /// Messages written and not yet confirmed.
        public var window: Int
        /// How long a batch may take from the call to its last confirm.
        public var confirmTimeout: Duration
        /// Messages that callers wait for; a batch above that is refused with `overloaded`.
        public var maximumWaiting: Int

        /// Limits; the defaults suit messages of a few kilobytes.
        public init(window: Int = 256, confirmTimeout: Duration = .seconds(10), maximumWaiting: Int = 16_384) {
            self.window = window
            self.confirmTimeout = confirmTimeout
            self.maximumWaiting = maximumWaiting
        }
    }

    private let address: BrokerAddress
    private let topology: Topology
    private let settings: ConnectionSettings
    private let limits: Limits
    private let logger: Logger
    private let metrics: PublisherMetrics
    let mailbox: PublisherMailbox
    private let board = StateBoard()

    /// A publisher that is not running yet.
    public init(
        _ address: BrokerAddress,
        topology: Topology = Topology(),
        settings: ConnectionSettings,
        limits: Limits = Limits(),
        logger: Logger,
        metrics: Metrics
    ) {
        precondition(limits.window > 0 && limits.maximumWaiting > 0, "a publisher needs room for a message")
        self.address = address
        self.topology = topology
        self.settings = settings
        self.limits = limits
        self.logger = logger.with(["connection": settings.name, "broker": address])
        self.metrics = PublisherMetrics(metrics, connection: settings.name)
        mailbox = PublisherMailbox(capacity: limits.maximumWaiting)
    }

    /// How the connection is now.
    public var state: ConnectionState { board.state }

    /// The present state and each later one; a slow reader loses the oldest of 16. Ends with `run`.
    public func stateChanges() -> AsyncStream<ConnectionState> { board.changes() }

    /// Connects, keeps connected and publishes until its task is cancelled; once in the life of a publisher.
    ///
    /// After the cancellation what was written has one call timeout to be confirmed; then the rest fails with
    /// `stopped` and the connection is closed, within another call timeout.
    public func run() async {
        mailbox.advance(to: .running)
        let watchdog = CallWatchdog()
        let loop = PublisherLoop(
            address: address,
            topology: topology,
            settings: settings,
            limits: limits,
            logger: logger,
            metrics: metrics,
            mailbox: mailbox,
            board: board,
            watchdog: watchdog
        )
        // Outlives the loop: also the goodbye may get stuck.
        let patrol = Task { await watchdog.watch() }
        await withTaskCancellationHandler {
            await loop.run()
        } onCancel: {
            mailbox.advance(to: .stopping)
        }
        patrol.cancel()
        await patrol.value
        mailbox.advance(to: .ended)
        for request in mailbox.takeAll() { request.abandon(PublisherError.stopped) }
        board.finish()
    }

    /// Publishes a batch and waits for the broker's answer to each of its messages, in their order.
    ///
    /// - Throws: `PublisherError` when not every answer came in time, `CancellationError` when cancelled. Each message
    ///   may then have been taken or not: publish the batch again, and let consumers tell repetitions by `messageID`.
    public func publish(_ batch: [Message]) async throws -> [Outcome] {
        guard !batch.isEmpty else { return [] }
        for message in batch {
            if let defect = message.defect(frameMaximum: settings.frameMaximum) {
                throw PublisherError.invalidMessage(defect)
            }
        }
        let request = PublishRequest(batch)
        let start = ContinuousClock.now
        try mailbox.enter(request)
        defer { mailbox.leave(request) }
        let timer = Task { [limits, board] in
            try await Task.sleep(for: limits.confirmTimeout)
            switch board.state {
            case .ready: request.abandon(PublisherError.timedOut)
            case .connecting: request.abandon(PublisherError.disconnected(.notRunning))
            case .blocked(let reason): request.abandon(PublisherError.blocked(reason: reason))
            case .down(let reason): request.abandon(PublisherError.disconnected(reason))
            }
        }
        defer { timer.cancel() }
        do {
            let outcomes = try await request.outcomes.value()
            metrics.confirmTime.record(ContinuousClock.now - start)
            return outcomes
        } catch {
            request.abandon(error)
            throw error
        }
    }
}
