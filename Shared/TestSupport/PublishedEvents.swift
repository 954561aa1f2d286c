import Concurrency
public import Postgres
import RabbitMQ
import Telemetry

/// Everything that is published to the exchange of events, in the order of a queue of its own.
public actor PublishedEvents {
    private var messages: [(id: String, body: String)] = []
    private var isListening = false

    private init() {}

    /// Runs `body` while the exchange is listened to.
    public static func listen<Value: Sendable>(
        at brokerURL: String,
        exchange: String = "events",
        _ body: (PublishedEvents) async throws -> Value
    ) async throws -> Value {
        let published = PublishedEvents()
        let consumer = Consumer(
            try BrokerAddress(url: brokerURL),
            topology: Topology(exchanges: [.init(exchange, .topic)]),
            source: .exclusive(bindings: [(exchange: exchange, routingKey: "#")]),
            settings: ConnectionSettings(name: "listener"),
            logger: .silent,
            metrics: Metrics()
        )
        let running = Task { await consumer.run() }
        let reading = Task { await published.read(consumer) }
        let result: Result<Value, any Error>
        do {
            while await !published.isListening { try await Task.sleep(for: .milliseconds(5)) }
            result = .success(try await body(published))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        await running.value
        await reading.value
        return try result.get()
    }

    private func read(_ consumer: Consumer) async {
        for await event in consumer.events {
            switch event {
            case .connected: isListening = true
            case .delivery(let delivery):
                messages.append((delivery.properties.messageID ?? "", String(decoding: delivery.body, as: UTF8.self)))
                consumer.acknowledge(delivery.tag)
            // What follows would have a gap that is not the relay's.
            case .disconnected: return
            }
        }
    }

    private static let log: SQL = """
        SELECT event_id, shared.log_epoch() || '.' || transaction_id || '.' || id
        FROM shared.events
        ORDER BY transaction_id, id
        """

    /// How many messages have come.
    public var count: Int { messages.count }

    /// Waits until every event of the log has come, then compares; the test's time limit bounds the wait.
    ///
    /// - Returns: how many messages were repetitions, and in which way the promise was broken: every event at least
    ///   once, in the order of the log, and repeated only as the same event.
    public func compare(with pool: Pool) async throws -> (repetitions: Int, defects: [String]) {
        var log: [(id: String, position: String)] = []
        // Until the log has no more than what came: it may grow meanwhile.
        repeat {
            try await Task.sleep(for: .milliseconds(20))
            log = try await pool.query(PublishedEvents.log).map { (try $0.decode(0), try $0.decode(1)) }
        } while !Set(messages.map(\.id)).isSuperset(of: log.map(\.id))
        let places = Dictionary(uniqueKeysWithValues: log.enumerated().map { ($1.id, $0) })
        var defects: [String] = []
        var next = 0
        for (id, body) in messages {
            guard let place = places[id] else {
                defects.append("\(id) is not in the log")
                continue
            }
            if place > next { defects.append("\(id) comes before \(log[next].id), which the log has earlier") }
            next = max(next, place + 1)
            if !body.contains("\"position\":\"\(log[place].position)\"") {
                defects.append("\(id) is not at \(log[place].position): \(body)")
            }
        }
        return (messages.count - log.count, defects)
    }
}
