import Concurrency
import Kernel
import RabbitMQ
import Telemetry
import TestSupport
import Testing

/// Connections that reconnect quickly and find a dead peer quickly.
func settings(_ name: String, heartbeat: Duration = .seconds(2)) -> ConnectionSettings {
    ConnectionSettings(
        name: name,
        heartbeat: heartbeat,
        connectTimeout: .seconds(2),
        callTimeout: .seconds(3),
        backoff: Backoff(from: .milliseconds(20), cap: .milliseconds(200))
    )
}

/// Gives the body the address of a virtual host of its own.
func withVirtualHost(_ name: String, _ body: (BrokerAddress) async throws -> Void) async throws {
    let broker = try await TestRabbitMQ.shared()
    let url = try await broker.makeVirtualHost(name)
    try await body(BrokerAddress(url: url))
    try await broker.removeVirtualHost(url)
}

extension Publisher {
    convenience init(
        _ address: BrokerAddress,
        _ topology: Topology,
        name: String = "publisher",
        limits: Limits = Limits()
    ) {
        self.init(
            address,
            topology: topology,
            settings: settings(name),
            limits: limits,
            logger: .silent,
            metrics: Metrics()
        )
    }

    /// Runs while `body` does.
    func running<Result>(_ body: () async throws -> Result) async throws -> Result {
        let task = Task { await run() }
        do {
            let result = try await body()
            task.cancel()
            await task.value
            return result
        } catch {
            task.cancel()
            await task.value
            throw error
        }
    }

    /// Waits for a state.
    func reaches(_ matches: (ConnectionState) -> Bool) async {
        for await state in stateChanges() where matches(state) { return }
    }

    /// Publishes and compares the outcomes.
    func publish(
        _ batch: [Message],
        expecting expected: [Outcome],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let outcomes = try await publish(batch)
        #expect(outcomes == expected, sourceLocation: sourceLocation)
    }

    /// Publishes as callers do: again until it is known.
    func publishUntilKnown(_ batch: [Message]) async throws -> [Outcome] {
        while true {
            do {
                return try await publish(batch)
            } catch is PublisherError {
                try Task.checkCancellation()
                await reaches { $0 == .ready }
            }
        }
    }
}

extension Consumer {
    convenience init(
        _ address: BrokerAddress,
        _ topology: Topology,
        _ source: Source,
        prefetch: UInt16 = 256,
        name: String = "consumer"
    ) {
        self.init(
            address,
            topology: topology,
            source: source,
            prefetch: prefetch,
            settings: settings(name),
            logger: .silent,
            metrics: Metrics()
        )
    }

    /// Runs while `body` does.
    func running<Result>(_ body: () async throws -> Result) async throws -> Result {
        let task = Task { await run() }
        do {
            let result = try await body()
            task.cancel()
            await task.value
            return result
        } catch {
            task.cancel()
            await task.value
            throw error
        }
    }

    struct Ended: Error {}

    func nextEvent() async throws -> ConsumerEvent {
        guard let event = await events.next() else { throw Ended() }
        return event
    }

    /// The queue's name, once subscribed.
    func connected() async throws -> (generation: UInt64, queue: String) {
        while true {
            if case .connected(let generation, let queue) = try await nextEvent() { return (generation, queue) }
        }
    }

    func nextDelivery() async throws -> Delivery {
        while true {
            if case .delivery(let delivery) = try await nextEvent() { return delivery }
        }
    }

    func disconnected() async throws -> BrokerError {
        while true {
            if case .disconnected(let reason) = try await nextEvent() { return reason }
        }
    }
}

extension Message {
    /// A durable message to a queue, whose body is a number.
    init(to queue: String, _ number: Int) {
        self.init(
            routingKey: queue,
            body: Array(String(number).utf8),
            properties: MessageProperties(messageID: String(number))
        )
    }
}

extension Delivery {
    var number: Int? { Int(String(decoding: body, as: UTF8.self)) }
}
