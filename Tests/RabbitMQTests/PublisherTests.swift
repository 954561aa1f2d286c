import Kernel
import Telemetry
import TestSupport
import Testing

@testable import RabbitMQ

@Suite(.timeLimit(.minutes(1))) struct PublisherTests {
    @Test func `ten thousand pipelined messages are confirmed and arrive in order`() async throws {
        try await withVirtualHost("order") { address in
            let topology = Topology(queues: [.init("numbers")])
            let publisher = Publisher(address, topology)
            let consumer = Consumer(address, topology, .queue("numbers"), prefetch: 500)
            try await publisher.running {
                for start in stride(from: 0, to: 10_000, by: 1000) {
                    let outcomes = try await publisher.publish(
                        (start..<start + 1000).map { Message(to: "numbers", $0) }
                    )
                    #expect(outcomes.count == 1000 && outcomes.allSatisfy { $0 == .confirmed })
                }
            }
            try await consumer.running {
                var expected = 0
                while expected < 10_000 {
                    let delivery = try await consumer.nextDelivery()
                    #expect(delivery.number == expected)
                    consumer.acknowledge(delivery.tag)
                    expected += 1
                }
            }
        }
    }

    @Test func `an unroutable message is returned, and only that one`() async throws {
        try await withVirtualHost("return") { address in
            let publisher = Publisher(address, Topology(queues: [.init("known")]))
            let outcomes = try await publisher.running {
                try await publisher.publish([
                    Message(to: "known", 1), Message(to: "unknown", 2), Message(to: "known", 3),
                    Message(to: "unknown", 4),
                    Message(routingKey: "unknown", body: [5], mandatory: false),
                ])
            }
            let returned = Outcome.returned(code: 312, text: "NO_ROUTE")
            #expect(outcomes == [.confirmed, returned, .confirmed, returned, .confirmed])
        }
    }

    @Test func `a full queue that refuses answers nacked`() async throws {
        try await withVirtualHost("full") { address in
            let queue = Topology.Queue("small").limited(maximumMessages: 1, refusesWhenFull: true)
            let publisher = Publisher(address, Topology(queues: [queue]))
            try await publisher.running {
                try await publisher.publish([Message(to: "small", 1)], expecting: [.confirmed])
                try await publisher.publish([Message(to: "small", 2)], expecting: [.nacked])
            }
        }
    }

    @Test func `a message to an exchange that is missing fails with the broker's words`() async throws {
        try await withVirtualHost("missing") { address in
            let publisher = Publisher(address, Topology(queues: [.init("q")]))
            try await publisher.running {
                let error = await #expect(throws: PublisherError.self) {
                    try await publisher.publish([Message(exchange: "nowhere", routingKey: "", body: [])])
                }
                guard case .disconnected(.refused(code: 404, let text)) = error else {
                    Issue.record("got \(String(describing: error))")
                    return
                }
                #expect(text.contains("nowhere"))
                // The next connection works.
                let known = try await publisher.publishUntilKnown([Message(to: "q", 1)])
                #expect(known == [.confirmed])
            }
        }
    }

    @Test func `what the protocol cannot carry is refused before it is sent`() async throws {
        let publisher = try Publisher(BrokerAddress(url: "amqp://127.0.0.1:1"), Topology())
        await #expect(throws: PublisherError.invalidMessage("a name or property is over 255 bytes")) {
            try await publisher.publish([Message(to: String(repeating: "q", count: 256), 1)])
        }
        let huge = MessageProperties(headers: ["h": .bytes(Array(repeating: 0, count: 140_000))])
        await #expect(throws: PublisherError.invalidMessage("the headers do not fit into a frame")) {
            try await publisher.publish([Message(routingKey: "q", body: [], properties: huge)])
        }
    }

    @Test func `a publisher without a connection fails in time and names the reason`() async throws {
        let publisher = try Publisher(
            BrokerAddress(url: "amqp://127.0.0.1:1"),
            Topology(),
            limits: .init(confirmTimeout: .milliseconds(300))
        )
        try await publisher.running {
            await publisher.reaches { if case .down = $0 { true } else { false } }
            let error = await #expect(throws: PublisherError.self) {
                try await publisher.publish([Message(to: "q", 1)])
            }
            guard case .disconnected = error else {
                Issue.record("got \(String(describing: error))")
                return
            }
        }
    }

    @Test func `too many waiting messages are refused at once`() async throws {
        let publisher = try Publisher(
            BrokerAddress(url: "amqp://127.0.0.1:1"),
            Topology(),
            limits: .init(confirmTimeout: .seconds(20), maximumWaiting: 2)
        )
        let waiting = Task { try await publisher.publish([Message(to: "q", 1), Message(to: "q", 2)]) }
        while publisher.mailbox.unfinished < 2 { await Task.yield() }
        await #expect(throws: PublisherError.overloaded) { try await publisher.publish([Message(to: "q", 3)]) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func `after the end it says so`() async throws {
        let publisher = try Publisher(BrokerAddress(url: "amqp://127.0.0.1:1"), Topology())
        try await publisher.running {}
        await #expect(throws: PublisherError.stopped) { try await publisher.publish([Message(to: "q", 1)]) }
        #expect(publisher.state == .down(.notRunning))
    }

    @Test func `what was written before the end is confirmed before the end`() async throws {
        try await withVirtualHost("end") { address in
            let topology = Topology(queues: [.init("q")])
            let publisher = Publisher(address, topology, limits: .init(window: 5000))
            let outcomes = try await publisher.running {
                await publisher.reaches { $0 == .ready }
                async let result = publisher.publish((0..<5000).map { Message(to: "q", $0) })
                // Ends the publisher as soon as the batch is known or has failed; both are an answer.
                return try await result
            }
            #expect(outcomes.count == 5000)
        }
    }
}
