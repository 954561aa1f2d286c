import Concurrency
import Kernel
import Telemetry

/// The consumer's thread: the only place that touches its connection.
///
/// A turn of the loop: read all frames that have come, hand the deliveries over at once, tell the broker what was
/// settled, then wait for the socket or the doorbell, never longer than a third of the heartbeat.
actor ConsumerLoop {
    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let address: BrokerAddress
    private let topology: Topology
    private let source: Consumer.Source
    private let prefetch: UInt16
    private let settings: ConnectionSettings
    private let logger: Logger
    private let metrics: ConsumerMetrics
    private let mailbox: ConsumerMailbox
    private let board: StateBoard
    private let events: ConsumerEvents
    private let watchdog: CallWatchdog

    private var generation: UInt64 = 0
    private var unsettled = TagWindow<Void>()
    private var assembler = DeliveryAssembler()
    private var arrived: [ConsumerEvent] = []

    init(
        address: BrokerAddress,
        topology: Topology,
        source: Consumer.Source,
        prefetch: UInt16,
        settings: ConnectionSettings,
        logger: Logger,
        metrics: ConsumerMetrics,
        mailbox: ConsumerMailbox,
        board: StateBoard,
        events: ConsumerEvents,
        watchdog: CallWatchdog
    ) {
        self.address = address
        self.topology = topology
        self.source = source
        self.prefetch = prefetch
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
        self.mailbox = mailbox
        self.board = board
        self.events = events
        self.watchdog = watchdog
        executor = ThreadExecutor(name: settings.name)
    }

    /// Holds the thread until the mailbox says stop.
    func run() {
        var reconnecting = Reconnecting(settings)
        while !mailbox.isStopping {
            board.change(to: .connecting)
            do throws(BrokerError) {
                var connection = try ConnectionHandle.open(address, settings, watchdog)
                let queue = try subscribe(&connection)
                reconnecting.becameReady(at: .now)
                metrics.connects.add()
                logger.info("consumer connected", ["queue": queue])
                board.change(to: .ready)
                events.append([.connected(generation: generation, queue: queue)])
                try serve(&connection)
                connection.close()
            } catch {
                metrics.disconnects.add()
                logger.warning("consumer has no connection", ["reason": error])
                board.change(to: .down(error))
                // An attempt that failed changes nothing for the reader.
                if reconnecting.isReady { events.disconnect(error) }
                pause(reconnecting.waitAfterFailure(at: .now))
            }
            metrics.unsettled.set(0)
        }
    }

    private func subscribe(_ connection: inout ConnectionHandle) throws(BrokerError) -> String {
        generation += 1
        unsettled = TagWindow()
        assembler = DeliveryAssembler()
        arrived = []
        mailbox.begin(generation: generation)
        try connection.declare(topology)
        let queue: String
        switch source {
        case .queue(let name): queue = name
        case .exclusive(let bindings, let arguments):
            queue = try connection.declare(
                Topology.Queue("", durable: false, exclusive: true, autoDelete: true, arguments: arguments)
            )
            for binding in bindings {
                try connection.bind(.init(from: binding.exchange, to: queue, routingKey: binding.routingKey))
            }
        }
        try connection.consume(queue, prefetch: prefetch)
        return queue
    }

    private func serve(_ connection: inout ConnectionHandle) throws(BrokerError) {
        while true {
            // Asked before settling: what was settled before the stop is then sure to be in this turn.
            let isStopping = mailbox.isStopping
            try read(&connection)
            try settle(&connection)
            connection.releaseBuffers()
            if isStopping { return }
            mailbox.doorbell.wait(watching: connection.socket, writable: false, atMost: settings.heartbeat / 3)
        }
    }

    private func read(_ connection: inout ConnectionHandle) throws(BrokerError) {
        var count = 0
        while let frame = try connection.nextFrame() {
            try handle(frame)
            count += 1
            if count & 255 == 0 {
                connection.releaseBuffers()
                handOver()
                try settle(&connection)
            }
        }
        handOver()
    }

    private func handOver() {
        guard !arrived.isEmpty else { return }
        metrics.delivered.add(arrived.count)
        metrics.unsettled.set(unsettled.count)
        events.append(arrived)
        arrived.removeAll(keepingCapacity: true)
    }

    private func handle(_ frame: Frame) throws(BrokerError) {
        switch frame {
        case .begin(let start): try assembler.begin(start)
        case .header(let properties, let size): try take(assembler.header(properties, size: size))
        case .body(let fragment): try take(assembler.body(fragment))
        case .cancel: throw .consumerCancelled
        case .closed(let code, let text): throw .refused(code: code, text)
        // An alarm concerns publishers; this connection sends a few bytes at a time.
        case .ack, .nack, .blocked, .unblocked, .other: break
        }
    }

    private func take(_ content: DeliveryAssembler.Content?) throws(BrokerError) {
        guard let content, case .delivery(let tag, let redelivered, let exchange, let routingKey) = content.start
        else { return }
        guard unsettled.append(()) == tag else { throw .protocolViolation("delivery tags are not consecutive") }
        arrived.append(
            .delivery(
                Delivery(
                    tag: Delivery.Tag(generation: generation, number: tag),
                    redelivered: redelivered,
                    exchange: exchange,
                    routingKey: routingKey,
                    properties: content.properties,
                    body: content.body
                )
            )
        )
    }

    private func settle(_ connection: inout ConnectionHandle) throws(BrokerError) {
        let requests = mailbox.takeSettlements()
        guard !requests.isEmpty else { return }
        for settlement in Settlement.merge(requests, unsettled: &unsettled) {
            switch settlement {
            case .acknowledge(let tag, let multiple): try connection.acknowledge(tag, multiple: multiple)
            case .reject(let tag, let multiple, let requeue):
                try connection.reject(tag, multiple: multiple, requeue: requeue)
            }
        }
        metrics.unsettled.set(unsettled.count)
    }

    private func pause(_ limit: Duration) {
        let end = ContinuousClock.now + limit
        while !mailbox.isStopping, .now < end {
            mailbox.doorbell.wait(watching: -1, writable: false, atMost: end - .now)
        }
    }
}
