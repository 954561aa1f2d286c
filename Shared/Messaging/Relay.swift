public import Concurrency
import Contracts
import JSON
import Kernel
public import Lifecycle
public import Postgres
public import RabbitMQ
public import Telemetry

/// Publishes the event log to the exchange `events`, in order and at least once.
///
/// One replica relays at a time. It stores how far it got after the broker has confirmed a batch, at the latest a tenth
/// of a second after the first that is not stored, so a crash repeats events with the same ids. An event that no queue
/// wants is as good as published: the log still has it.
public struct Relay: Service {
    /// What it is called in logs.
    public let name = "relay"
    static let cursor = "relay"

    private let pool: Pool
    private let publisher: Publisher
    private let lease: LeaderLease
    private let wakeup: Wakeup
    private let logger: Logger
    private let published: Counter
    private let lag: Histogram
    private let batchSize = 500
    /// Under load, storing the place after every batch costs more than publishing it.
    private let storesEvery = Duration.milliseconds(100)
    /// From so many events in a batch on the next one is given time to grow: reading and publishing cost by the batch.
    private let busy = 3
    private let growth = Duration.milliseconds(5)

    /// A relay that looks at the log when `wakeup` is signalled, and every second.
    public init(pool: Pool, publisher: Publisher, wakeup: Wakeup, logger: Logger, metrics: Metrics) {
        self.pool = pool
        self.publisher = publisher
        self.wakeup = wakeup
        self.logger = logger
        lease = LeaderLease("relay", pool: pool, logger: logger)
        published = metrics.counter("martlet_relay_events_total", "Events published and confirmed.")
        lag = metrics.histogram("martlet_relay_lag_seconds", "From the event's transaction to the broker's confirm.")
    }

    /// The exchange every publisher and consumer of events declares.
    public static let topology = Topology(exchanges: [.init(EventType.exchange, .topic)])

    /// Relays while it leads, until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await lease.run(until: stop) { fence in try await relay(fence) }
    }

    private func relay(_ fence: Int64) async throws {
        let reader = EventLogReader(pool)
        let epoch = try await reader.epoch()
        var place = try await storedPlace(epoch)
        var unstoredSince: ContinuousClock.Instant?
        while true {
            let events = try await reader.settled(after: place, atMost: batchSize)
            if let since = unstoredSince, events.isEmpty || since.duration(to: .now) >= storesEvery {
                try await store(place, epoch, fence)
                unstoredSince = nil
            }
            guard !events.isEmpty else {
                _ = try await wakeup.wait(atMost: .seconds(1))
                continue
            }
            var messages: [Message] = []
            messages.reserveCapacity(events.count)
            var previous = place
            let now = WallClock.system.now()
            for event in events {
                messages.append(EventMessage.message(event, epoch: epoch, after: previous, at: now))
                previous = event.place
            }
            try await publish(messages)
            place = previous
            unstoredSince = unstoredSince ?? .now
            published.add(events.count)
            if let first = events.first { lag.record(WallClock.system.now() - first.at) }
            if (busy..<batchSize / 4).contains(events.count) { try await Task.sleep(for: growth) }
        }
    }

    /// Publishes all or throws. What is returned as unroutable reached nobody because nobody listens.
    private func publish(_ messages: [Message]) async throws {
        let outcomes = try await publisher.publish(messages)
        let refused = outcomes.count { $0 == .nacked }
        guard refused == 0 else { throw EventsRefused(count: refused) }
    }

    /// Stores how far it got, if it still leads.
    private func store(_ place: LogPlace, _ epoch: String, _ fence: Int64) async throws {
        let statement = LeaseStatements.moveCursor(
            Relay.cursor,
            epoch: epoch,
            to: place,
            fence: fence,
            lease: lease.name
        )
        guard try await pool.execute(statement) == 1 else { throw LeadLost() }
    }

    private func storedPlace(_ epoch: String) async throws -> LogPlace {
        guard let row = try await pool.query(LeaseStatements.readCursor(Relay.cursor)).first else { return .start }
        // Another history begins from its own start: its places have nothing to do with the old ones.
        guard try row.decode(0, as: String.self) == epoch else { return .start }
        return LogPlace(transaction: try row.decode(1), row: try row.decode(2))
    }

    struct LeadLost: Error {}

    struct EventsRefused: Error, CustomStringConvertible {
        let count: Int
        var description: String { "a queue refused \(count) events" }
    }
}
