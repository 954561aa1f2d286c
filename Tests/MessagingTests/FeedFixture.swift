import Concurrency
import Contracts
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import RabbitMQ
import Store
import Telemetry
import TestSupport

/// A feed on a database and a virtual host of its own. There is no relay: the test publishes what it wants.
final class FeedFixture: Sendable {
    private struct State {
        var steps: [EventFeed.Step] = []
        var waiting: [(isThere: @Sendable ([EventFeed.Step]) -> Bool, promise: Promise<Void>)] = []
    }

    let pool: Pool
    let publisher: Publisher
    let metrics: Metrics
    private let state = Lock(State())

    private init(_ pool: Pool, _ publisher: Publisher, _ metrics: Metrics) {
        self.pool = pool
        self.publisher = publisher
        self.metrics = metrics
    }

    /// Runs `body` with a feed that has begun and is connected. It looks at the log only every `period`.
    static func run(
        period: Duration = .seconds(600),
        _ body: @escaping @Sendable (FeedFixture, EventFeed) async throws -> Void
    ) async throws {
        let broker = try await TestRabbitMQ.shared()
        let url = try await broker.makeVirtualHost("feed")
        try await TestPostgres.withDatabase { database in
            let metrics = Metrics()
            let pool = Pool(database.settings, logger: .silent, metrics: metrics)
            try await Schema.migrate(pool, logger: .silent)
            let address = try BrokerAddress(url: url)
            let publisher = Publisher(
                address,
                topology: Relay.topology,
                settings: ConnectionSettings(name: "test"),
                logger: .silent,
                metrics: metrics
            )
            let fixture = FeedFixture(pool, publisher, metrics)
            let feed = EventFeed(pool: pool, broker: address, logger: .silent, metrics: metrics, period: period) {
                fixture.note($0)
            }
            let stop = StopSignal()
            let publishing = Task { await publisher.run() }
            let running = Task { try await feed.run(until: stop) }
            let result = await Task {
                while feed.condition != .following { await Task.yield() }
                try await body(fixture, feed)
            }
            .result
            stop.raise()
            let ending = await running.result
            publishing.cancel()
            await publishing.value
            await pool.close()
            try result.get()
            try ending.get()
        }
        try await broker.removeVirtualHost(url)
    }

    private func note(_ step: EventFeed.Step) {
        let ready = state.withLock { state in
            state.steps.append(step)
            let steps = state.steps
            let ready = state.waiting.filter { $0.isThere(steps) }.map(\.promise)
            state.waiting.removeAll { $0.isThere(steps) }
            return ready
        }
        for promise in ready { promise.succeed(()) }
    }

    /// The ids of the events so far, in order.
    var ids: [String] { state.withLock { FeedFixture.ids($0.steps) } }

    private static func ids(_ steps: [EventFeed.Step]) -> [String] {
        steps.flatMap { step in if case .events(let events) = step { events.map(\.id) } else { [String]() } }
    }

    /// The places at which the feed began.
    var beginnings: [Position] {
        state.withLock { $0.steps.compactMap { if case .began(let position) = $0 { position } else { nil } } }
    }

    /// Waits until the feed has told what fulfils the condition.
    func wait(until isThere: @escaping @Sendable (_ ids: [String], _ beginnings: Int) -> Bool) async throws {
        let promise = Promise<Void>()
        let condition: @Sendable ([EventFeed.Step]) -> Bool = { steps in
            let ids = FeedFixture.ids(steps)
            return isThere(ids, steps.count { if case .began = $0 { true } else { false } })
        }
        let already = state.withLock { state in
            if condition(state.steps) { return true }
            state.waiting.append((condition, promise))
            return false
        }
        if !already { try await withDeadline(.seconds(20), for: "the feed") { try await promise.value() } }
    }

    /// Appends an event to the log; returns its id.
    func append() async throws -> String {
        let subject = IdentifierSource().uuid()
        let id = "\(subject):1"
        _ = try await pool.execute(FeedFixture.statement(id, subject))
        return id
    }

    static func statement(_ id: String, _ subject: UUID) -> SQL {
        let body = JSONWriter.bytes { json in
            json.object {
                $0.member("event_id", id)
                $0.member("type", "job.status.updated")
                $0.member("job_id", subject)
                $0.member("seq", 1)
                $0.member("status", "queued")
            }
        }
        return EventLog.append(
            .jobStatusUpdated,
            id: id,
            subject: subject,
            seq: 1,
            project: nil,
            card: nil,
            body: RawJSON(body),
            traceparent: nil
        )
    }

    /// Publishes bytes as the relay would.
    func publish(_ bytes: [UInt8]) async throws {
        _ = try await publisher.publish([
            Message(exchange: EventType.exchange, routingKey: "job.status.updated", body: bytes)
        ])
    }

    /// The wire forms of all events of the log, in order.
    func wires() async throws -> [[UInt8]] {
        let reader = EventLogReader(pool)
        let epoch = try await reader.epoch()
        var previous = LogPlace.start
        return try await reader.settled(after: .start, atMost: 1000)
            .map { event in
                defer { previous = event.place }
                return event.wire(epoch: epoch, after: previous)
            }
    }
}
