import Concurrency
public import Telemetry

/// Consumes one queue over a connection of its own.
///
/// `run()` must be running while `events` are read. At most `prefetch` deliveries are unsettled at any time, which
/// bounds memory on both sides; deliveries that are never settled therefore stop the flow.
public final class Consumer: Sendable {
    /// What to consume.
    public enum Source: Sendable {
        /// A queue of the topology, or one that exists.
        case queue(String)
        /// A queue of this connection only, named by the broker, which goes when the connection goes.
        /// `bindings` are pairs of an exchange and a routing key.
        case exclusive(bindings: [(exchange: String, routingKey: String)], arguments: [String: FieldValue] = [:])
    }

    /// Connections, deliveries and losses, in order; for one reader at a time.
    public let events = ConsumerEvents()

    private let address: BrokerAddress
    private let topology: Topology
    private let source: Source
    private let prefetch: UInt16
    private let settings: ConnectionSettings
    private let logger: Logger
    private let metrics: ConsumerMetrics
    private let mailbox = ConsumerMailbox()
    private let board = StateBoard()

    /// A consumer that is not running yet.
    public init(
        _ address: BrokerAddress,
        topology: Topology = Topology(),
        source: Source,
        prefetch: UInt16 = 256,
        settings: ConnectionSettings,
        logger: Logger,
        metrics: Metrics
    ) {
        precondition(prefetch > 0, "a prefetch of 0 would be without a bound")
        self.address = address
        self.topology = topology
        self.source = source
        self.prefetch = prefetch
        self.settings = settings
        self.logger = logger.with(["connection": settings.name, "broker": address])
        self.metrics = ConsumerMetrics(metrics, connection: settings.name)
    }

    /// How the connection is now.
    public var state: ConnectionState { board.state }

    /// The present state and each later one; a slow reader loses the oldest of 16. Ends with `run`.
    public func stateChanges() -> AsyncStream<ConnectionState> { board.changes() }

    /// Connects, keeps connected and feeds `events` until its task is cancelled; once in the life of a consumer.
    ///
    /// At the end settlements already made are sent and the connection is closed within a call timeout; what is
    /// unsettled goes back to its queue.
    public func run() async {
        mailbox.advance(to: .running)
        let watchdog = CallWatchdog()
        let loop = ConsumerLoop(
            address: address,
            topology: topology,
            source: source,
            prefetch: prefetch,
            settings: settings,
            logger: logger,
            metrics: metrics,
            mailbox: mailbox,
            board: board,
            events: events,
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
        events.finish()
        board.finish()
    }

    /// Tells the broker that the delivery is done with; with `multiple`, also all unsettled ones before it.
    ///
    /// Does not wait. Dropped silently when the delivery's connection is gone (the broker delivers it again) and when
    /// it was settled before.
    public func acknowledge(_ tag: Delivery.Tag, multiple: Bool = false) {
        mailbox.settle(.acknowledge(tag.number, multiple: multiple), of: tag)
    }

    /// Gives the delivery back: to its queue with `requeue`, else to the dead-letter exchange or nowhere.
    /// Does not wait, like `acknowledge`.
    public func reject(_ tag: Delivery.Tag, requeue: Bool, multiple: Bool = false) {
        mailbox.settle(.reject(tag.number, multiple: multiple, requeue: requeue), of: tag)
    }
}
