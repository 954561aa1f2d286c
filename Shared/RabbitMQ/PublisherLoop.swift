import Concurrency
import Kernel
import Telemetry

/// The publisher's thread: the only place that touches its connection.
///
/// A turn of the loop: read all frames that have come (confirms, returns, alarms, heartbeats), write while window,
/// socket and broker allow, then wait for the socket or the doorbell, never longer than a third of the heartbeat.
actor PublisherLoop {
    /// A batch of which something is still to be written or answered. Touched on this thread only.
    private final class Running {
        let request: PublishRequest
        var written = 0
        var outcomes: [Outcome]
        var unanswered: Int

        init(_ request: PublishRequest) {
            self.request = request
            outcomes = Array(repeating: .nacked, count: request.messages.count)
            unanswered = request.messages.count
        }
    }

    private struct Token {
        let running: Running
        let index: Int
        let writtenAt: ContinuousClock.Instant
    }

    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let address: BrokerAddress
    private let topology: Topology
    private let settings: ConnectionSettings
    private let limits: Publisher.Limits
    private let logger: Logger
    private let metrics: PublisherMetrics
    private let mailbox: PublisherMailbox
    private let board: StateBoard
    private let watchdog: CallWatchdog

    private var queue: [Running] = []
    private var tracker = ConfirmTracker<Token>()
    private var assembler = DeliveryAssembler()
    private var isBlocked = false
    private var unblockedAt: ContinuousClock.Instant?
    private var needsWritable = false

    init(
        address: BrokerAddress,
        topology: Topology,
        settings: ConnectionSettings,
        limits: Publisher.Limits,
        logger: Logger,
        metrics: PublisherMetrics,
        mailbox: PublisherMailbox,
        board: StateBoard,
        watchdog: CallWatchdog
    ) {
        self.address = address
        self.topology = topology
        self.settings = settings
        self.limits = limits
        self.logger = logger
        self.metrics = metrics
        self.mailbox = mailbox
        self.board = board
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
                try connection.declare(topology)
                try connection.enableConfirms()
                reconnecting.becameReady(at: .now)
                metrics.connects.add()
                logger.info("publisher connected")
                board.change(to: .ready)
                try serve(&connection)
                connection.close()
            } catch {
                metrics.disconnects.add()
                logger.warning("publisher has no connection", ["reason": error])
                board.change(to: .down(error))
                forgetWritten(error)
                pause(reconnecting.waitAfterFailure(at: .now))
            }
        }
        for running in queue { running.request.abandon(PublisherError.stopped) }
        queue = []
    }

    /// Works until it is to stop and everything written is answered, or the time for that is over.
    private func serve(_ connection: inout ConnectionHandle) throws(BrokerError) {
        var stopBy: ContinuousClock.Instant?
        while true {
            try read(&connection)
            if mailbox.isStopping {
                let limit = stopBy ?? .now + settings.callTimeout
                stopBy = limit
                if tracker.count == 0 || .now >= limit { break }
            } else {
                try write(&connection)
            }
            try judgeConfirms()
            connection.releaseBuffers()
            let idle = settings.heartbeat / 3
            let limit = stopBy.map { min(idle, max(.zero, $0 - .now)) } ?? idle
            mailbox.doorbell.wait(watching: connection.socket, writable: needsWritable, atMost: limit)
        }
        forgetWritten(.notRunning)
    }

    private func write(_ connection: inout ConnectionHandle) throws(BrokerError) {
        needsWritable = false
        queue += mailbox.takeAll().map(Running.init)
        var sinceRead = 0
        while !isBlocked, tracker.count < limits.window, let running = queue.first {
            guard !running.request.isAbandoned, running.written < running.outcomes.count else {
                queue.removeFirst()
                continue
            }
            // The library would wait for the socket without limit, and hear of no alarm meanwhile.
            guard connection.isWritable() else {
                needsWritable = true
                return
            }
            let message = running.request.messages[running.written]
            try connection.publish(message)
            tracker.sent(
                Token(running: running, index: running.written, writtenAt: .now),
                .init(
                    exchange: message.exchange,
                    routingKey: message.routingKey,
                    messageID: message.properties.messageID
                )
            )
            running.written += 1
            sinceRead += 1
            if sinceRead == 64 {
                sinceRead = 0
                try read(&connection)
            }
        }
    }

    private func read(_ connection: inout ConnectionHandle) throws(BrokerError) {
        var count = 0
        while let frame = try connection.nextFrame() {
            try handle(frame)
            count += 1
            if count & 255 == 0 { connection.releaseBuffers() }
        }
    }

    private func handle(_ frame: Frame) throws(BrokerError) {
        switch frame {
        case .ack(let tag, let multiple): answer(tag, multiple: multiple, positive: true)
        case .nack(let tag, let multiple): answer(tag, multiple: multiple, positive: false)
        case .begin(let start): try assembler.begin(start)
        case .header(let properties, let size): noteReturn(try assembler.header(properties, size: size))
        case .body(let fragment): noteReturn(try assembler.body(fragment))
        case .blocked(let reason):
            isBlocked = true
            metrics.blocked.set(1)
            logger.warning("broker accepts no messages", ["reason": reason])
            board.change(to: .blocked(reason: reason))
        case .unblocked:
            isBlocked = false
            unblockedAt = .now
            metrics.blocked.set(0)
            logger.info("broker accepts messages again")
            board.change(to: .ready)
        case .closed(let code, let text): throw .refused(code: code, text)
        case .cancel, .other: break
        }
    }

    private func noteReturn(_ content: DeliveryAssembler.Content?) {
        guard let content, case .returned(let code, let text, let exchange, let routingKey) = content.start else {
            return
        }
        let fingerprint = ConfirmTracker<Token>
            .Fingerprint(
                exchange: exchange,
                routingKey: routingKey,
                messageID: content.properties.messageID
            )
        if !tracker.returned(fingerprint, code: code, text: text) {
            logger.error("broker returned a message that was not sent", ["exchange": exchange])
        }
    }

    private func answer(_ tag: UInt64, multiple: Bool, positive: Bool) {
        for (token, outcome) in tracker.answered(tag, multiple: multiple, positive: positive) {
            metrics.count(outcome)
            let running = token.running
            running.outcomes[token.index] = outcome
            running.unanswered -= 1
            if running.unanswered == 0 { running.request.outcomes.succeed(running.outcomes) }
        }
    }

    /// A connection that confirms nothing for so long would fill the window and stop for ever.
    private func judgeConfirms() throws(BrokerError) {
        guard !isBlocked, let oldest = tracker.oldest else { return }
        // While the broker was blocked nobody expected any.
        let since = unblockedAt.map { max($0, oldest.writtenAt) } ?? oldest.writtenAt
        if .now - since > limits.confirmTimeout * 2 { throw .confirmsMissing }
    }

    /// The connection is gone: batches of which something was written fail, the others wait for the next one.
    private func forgetWritten(_ error: BrokerError) {
        let stopping = mailbox.isStopping
        let failure = stopping ? PublisherError.stopped : .disconnected(error)
        for (token, _) in tracker.answered(0, multiple: true, positive: false) {
            token.running.request.abandon(failure)
        }
        queue.removeAll { running in
            guard running.written > 0 || running.request.isAbandoned else { return false }
            running.request.abandon(failure)
            return true
        }
        tracker = ConfirmTracker()
        assembler = DeliveryAssembler()
        isBlocked = false
        unblockedAt = nil
        needsWritable = false
        metrics.blocked.set(0)
    }

    private func pause(_ limit: Duration) {
        let end = ContinuousClock.now + limit
        while !mailbox.isStopping, .now < end {
            mailbox.doorbell.wait(watching: -1, writable: false, atMost: end - .now)
        }
        queue.removeAll { $0.request.isAbandoned }
    }
}
