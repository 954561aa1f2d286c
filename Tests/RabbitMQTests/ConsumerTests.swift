import Kernel
import RabbitMQ
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConsumerTests {
    @Test func `properties, headers and empty bodies survive`() async throws {
        try await withVirtualHost("properties") { address in
            let topology = Topology(
                exchanges: [.init("events", .topic)],
                queues: [.init("q", kind: .quorum)],
                bindings: [.init(from: "events", to: "q", routingKey: "job.#")]
            )
            let publisher = Publisher(address, topology)
            let consumer = Consumer(address, topology, .queue("q"))
            let properties = MessageProperties(
                messageID: "m-1",
                contentType: "application/json",
                correlationID: "c-1",
                type: "job.finished",
                timestamp: Timestamp(microseconds: 1_700_000_000_000_000),
                headers: [
                    "bool": true, "int": -5, "big": .int(.max), "text": "Grüße", "double": .double(2.5), "null": .null,
                    "bytes": .bytes([0, 255]), "empty": .bytes([]),
                    "time": .timestamp(Timestamp(microseconds: 5_000_000)),
                    "list": .array([1, "two", .array([])]), "table": .table(["inner": .table(["x": false])]),
                ]
            )
            try await publisher.running {
                let message = Message(exchange: "events", routingKey: "job.done.1", body: [], properties: properties)
                try await publisher.publish([message], expecting: [.confirmed])
            }
            try await consumer.running {
                let delivery = try await consumer.nextDelivery()
                #expect(delivery.properties == properties)
                #expect(delivery.exchange == "events" && delivery.routingKey == "job.done.1" && delivery.body.isEmpty)
                #expect(!delivery.redelivered)
                consumer.acknowledge(delivery.tag)
            }
        }
    }

    @Test(arguments: [1, 131_063, 131_064, 131_065, 262_200, 1_048_576, 5_000_000])
    func `a body of any size arrives whole`(size: Int) async throws {
        try await withVirtualHost("size") { address in
            let topology = Topology(queues: [.init("q")])
            let publisher = Publisher(address, topology)
            let consumer = Consumer(address, topology, .queue("q"))
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try await publisher.running {
                try await consumer.running {
                    for _ in 0..<2 {
                        try await publisher.publish([Message(routingKey: "q", body: body)], expecting: [.confirmed])
                        let delivery = try await consumer.nextDelivery()
                        #expect(delivery.body == body)
                        consumer.acknowledge(delivery.tag)
                    }
                }
            }
        }
    }

    @Test func `no more than the prefetch is delivered before something is settled`() async throws {
        try await withVirtualHost("prefetch") { address in
            let topology = Topology(queues: [.init("q")])
            let publisher = Publisher(address, topology)
            let consumer = Consumer(address, topology, .queue("q"), prefetch: 10)
            try await publisher.running {
                _ = try await publisher.publish((0..<30).map { Message(to: "q", $0) })
            }
            // A second consumer gets at once what the first may not have; the broker serves them in turn.
            let other = Consumer(address, topology, .queue("q"), prefetch: 100, name: "other")
            try await consumer.running {
                var tags: [Delivery.Tag] = []
                for number in 0..<10 {
                    let delivery = try await consumer.nextDelivery()
                    #expect(delivery.number == number)
                    tags.append(delivery.tag)
                }
                try await other.running {
                    for number in 10..<30 {
                        let delivery = try await other.nextDelivery()
                        #expect(delivery.number == number)
                        other.acknowledge(delivery.tag)
                    }
                }
                // Room for more comes with a settlement only.
                try await publisher2(address, topology, 30)
                consumer.acknowledge(tags[9], multiple: true)
                #expect(try await consumer.nextDelivery().number == 30)
            }
        }
    }

    private func publisher2(_ address: BrokerAddress, _ topology: Topology, _ number: Int) async throws {
        let publisher = Publisher(address, topology)
        try await publisher.running { _ = try await publisher.publish([Message(to: "q", number)]) }
    }

    @Test func `settlements in any order leave exactly the unsettled ones`() async throws {
        try await withVirtualHost("settle") { address in
            let topology = Topology(
                exchanges: [.init("dead", .fanout)],
                queues: [Topology.Queue("q").limited(deadLetterExchange: "dead"), .init("graveyard")],
                bindings: [.init(from: "dead", to: "graveyard", routingKey: "")]
            )
            let publisher = Publisher(address, topology)
            try await publisher.running {
                _ = try await publisher.publish((1...10).map { Message(to: "q", $0) })
            }
            let first = Consumer(address, topology, .queue("q"))
            try await first.running {
                var tags: [Int: Delivery.Tag] = [:]
                while tags.count < 10 {
                    let delivery = try await first.nextDelivery()
                    tags[delivery.number ?? 0] = delivery.tag
                }
                for number in [7, 1, 3, 2] { if let tag = tags[number] { first.acknowledge(tag) } }
                if let tag = tags[5] { first.reject(tag, requeue: false) }
                if let tag = tags[7] { first.acknowledge(tag) }  // twice: dropped
            }
            let graveyard = Consumer(address, topology, .queue("graveyard"))
            try await graveyard.running {
                let dead = try await graveyard.nextDelivery()
                #expect(dead.number == 5)
                #expect(dead.properties.headers["x-death"] != nil)
            }
            let second = Consumer(address, topology, .queue("q"))
            try await second.running {
                for number in [4, 6, 8, 9, 10] {
                    let delivery = try await second.nextDelivery()
                    #expect(delivery.number == number && delivery.redelivered)
                    second.reject(delivery.tag, requeue: number == 10)
                }
                let again = try await second.nextDelivery()
                #expect(again.number == 10)
            }
        }
    }

    @Test func `a deleted queue is noticed and declared again`() async throws {
        try await withVirtualHost("deleted") { address in
            let broker = try await TestRabbitMQ.shared()
            let topology = Topology(queues: [.init("q")])
            let consumer = Consumer(address, topology, .queue("q"))
            let publisher = Publisher(address, topology)
            try await consumer.running {
                #expect(try await consumer.connected().generation == 1)
                _ = try await broker.ctl("delete_queue", "-p", address.virtualHost, "q")
                #expect(try await consumer.disconnected() == .consumerCancelled)
                #expect(try await consumer.connected().generation == 2)
                try await publisher.running {
                    try await publisher.publish([Message(to: "q", 1)], expecting: [.confirmed])
                }
                #expect(try await consumer.nextDelivery().number == 1)
            }
        }
    }

    @Test func `a queue of its own is bound, and another one after a forced close`() async throws {
        try await withVirtualHost("exclusive") { address in
            let broker = try await TestRabbitMQ.shared()
            let topology = Topology(exchanges: [.init("events", .topic)])
            let consumer = Consumer(address, topology, .exclusive(bindings: [("events", "a.*"), ("events", "b.*")]))
            let publisher = Publisher(address, topology)
            try await publisher.running {
                try await consumer.running {
                    let first = try await consumer.connected()
                    _ = try await publisher.publish([Message(exchange: "events", routingKey: "b.1", body: [1])])
                    let stale = try await consumer.nextDelivery()
                    #expect(stale.body == [1])

                    _ = try await broker.ctl("close_all_connections", "-p", address.virtualHost, "test")
                    let reason = try await consumer.disconnected()
                    #expect(reason == .refused(code: 320, "CONNECTION_FORCED - test"))
                    let second = try await consumer.connected()
                    #expect(second.generation == first.generation + 1 && second.queue != first.queue)

                    // Tags begin at 1 again: settling the old one must not touch the new.
                    consumer.acknowledge(stale.tag)
                    consumer.reject(stale.tag, requeue: false)
                    let message = Message(exchange: "events", routingKey: "a.1", body: [2])
                    #expect(try await publisher.publishUntilKnown([message]) == [.confirmed])
                    #expect(try await consumer.nextDelivery().body == [2])
                }
            }
        }
    }

    @Test func `a reader that is cancelled stops reading, and another goes on`() async throws {
        try await withVirtualHost("readers") { address in
            let topology = Topology(queues: [.init("q")])
            let consumer = Consumer(address, topology, .queue("q"))
            try await consumer.running {
                _ = try await consumer.connected()
                let reader = Task { await consumer.events.nextBatch(atMost: 5) }
                reader.cancel()
                #expect(await reader.value.isEmpty)
                try await publisher2(address, topology, 9)
                #expect(try await consumer.nextDelivery().number == 9)
            }
            #expect(await consumer.events.nextBatch(atMost: 1).isEmpty)
        }
    }
}
