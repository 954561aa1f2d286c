import Concurrency
public import Kernel
public import Telemetry

/// LISTEN on a connection of its own, which is made again, with backoff, whenever it is lost.
///
/// ```swift
/// let listener = Listener(settings, channels: ["jobs_ready"], logger: logger, metrics: metrics)
/// // one task: try await listener.run()
/// for await event in listener.events { … }
/// ```
///
/// Notices are hints: those sent while the connection was away are lost. `.listening` says so, at the start and
/// after each reconnect, and means: look at the tables now.
public final class Listener: Sendable {
    /// What a listener tells.
    public enum Event: Sendable, Hashable {
        /// LISTEN is in effect from now on; what came before may have been missed.
        case listening
        /// More notices came than were read; the oldest are gone. Look at the tables.
        case overflowed
        /// A notice.
        case notice(Notice)
    }

    /// What happened, for one reader. At most 1,024 events wait to be read. Ends when `run` ends.
    public let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let settings: PoolSettings
    private let channels: [String]
    private let logger: Logger
    private let random: RandomSource
    private let canceller = Canceller()
    private let reconnects: Counter

    /// How often the silent connection is asked whether it lives.
    private static let heartbeat = Duration.seconds(15)

    /// A listener on `channels`, whose names are taken literally, upper case included.
    public init(
        _ settings: PoolSettings,
        channels: [String],
        logger: Logger,
        metrics: Metrics,
        random: RandomSource = .system
    ) {
        var settings = settings
        settings.applicationName += " listener"
        self.settings = settings
        self.channels = channels
        self.logger = logger
        self.random = random
        reconnects = metrics.counter("postgres_listener_connects_total", "Connections the listener has made.")
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
    }

    /// Listens until the task is cancelled. Call it once.
    public func run() async {
        defer { continuation.finish() }
        var failures = 0
        while !Task.isCancelled {
            do {
                try await listen { failures = 0 }
            } catch is CancellationError {
                return
            } catch {
                failures += 1
                if failures == 1 { logger.warning("lost the listening connection", ["error": "\(error)"]) }
            }
            do {
                try await Task.sleep(for: settings.reconnect.wait(afterAttempt: max(1, failures), random: random))
            } catch {
                return
            }
        }
    }

    /// One connection's life.
    private func listen(_ onSuccess: () -> Void) async throws {
        let connection = try await Connection.open(settings, name: "pg-listener", canceller: canceller)
        reconnects.add()
        let signals = connection.signals
        let lease = signals.beginLease()
        try await withTaskCancellationHandler {
            for channel in channels {
                let name = "\"" + channel.replacing("\"", with: "\"\"") + "\""
                try await connection.execute("LISTEN \(unchecked: name)")
            }
            onSuccess()
            yield(.listening)
            while true {
                let notices = try await connection.nextNotices(within: Self.heartbeat)
                for notice in notices { yield(.notice(notice)) }
                // A peer that vanished without a word shows only when it is asked.
                if notices.isEmpty { try await connection.execute("SELECT 1", timeout: .seconds(5)) }
            }
        } onCancel: {
            signals.requestCancel(ofLease: lease)
        }
    }

    private func yield(_ event: Event) {
        if case .dropped = continuation.yield(event) { continuation.yield(.overflowed) }
    }
}
