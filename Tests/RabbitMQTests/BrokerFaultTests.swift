import Concurrency
import Glibc
import Kernel
import RabbitMQ
import TestSupport
import Testing

/// Each test harms a broker of its own.
@Suite(.serialized, .timeLimit(.minutes(2))) struct BrokerFaultTests {
    private let topology = Topology(queues: [.init("q"), .init("quorum", kind: .quorum)])

    @Test func `an alarm blocks, and nothing is lost when it is over`() async throws {
        let broker = try await TestRabbitMQ.startPrivate()
        let address = try BrokerAddress(url: broker.baseURL)
        let publisher = Publisher(address, topology, limits: .init(confirmTimeout: .seconds(1)))
        try await publisher.running {
            try await publisher.publish([Message(to: "q", 0)], expecting: [.confirmed])
            _ = try await broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
            // The broker says so after the next publish, which it does not answer.
            await #expect(throws: PublisherError.self) { try await publisher.publish([Message(to: "q", 1)]) }
            await publisher.reaches { if case .blocked = $0 { true } else { false } }
            // Far more than any socket would take: a publisher that wrote on would hang here.
            let large = (0..<64).map { _ in Message(routingKey: "q", body: Array(repeating: 0, count: 1 << 20)) }
            let error = await #expect(throws: PublisherError.self) { try await publisher.publish(large) }
            guard case .blocked = error else {
                Issue.record("got \(String(describing: error))")
                return
            }
            // The connection lives on through heartbeats (2 s) while blocked.
            let waiting = Task { try await publisher.publishUntilKnown([Message(to: "q", 2)]) }
            _ = try await broker.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
            await publisher.reaches { $0 == .ready }
            let outcomes = try await waiting.value
            #expect(outcomes == [.confirmed])
        }
        let consumer = Consumer(address, topology, .queue("q"))
        try await consumer.running {
            var seen: Set<Int> = []
            while !seen.isSuperset(of: [0, 1, 2]) {
                let delivery = try await consumer.nextDelivery()
                seen.insert(delivery.number ?? -1)
                consumer.acknowledge(delivery.tag)
            }
        }
    }

    @Test func `a broker that freezes in the middle of a large message does not hold the publisher`() async throws {
        let broker = try await TestRabbitMQ.startPrivate()
        let publisher = Publisher(
            try BrokerAddress(url: broker.baseURL),
            topology,
            limits: .init(window: 64, confirmTimeout: .seconds(20))
        )
        try await publisher.running {
            await publisher.reaches { $0 == .ready }
            try await broker.signal(SIGSTOP)
            // More than the socket takes: the library is stuck inside its publish when the kernel's buffer is full.
            let large = (0..<16).map { _ in Message(routingKey: "q", body: Array(repeating: 7, count: 4 << 20)) }
            let start = ContinuousClock.now
            async let outcomes = publisher.publish(large)
            await publisher.reaches { $0 == .down(.stalled("publishing")) }
            #expect(.now - start < .seconds(6))
            // None of it was wholly written, so it waits for the next connection.
            try await broker.signal(SIGCONT)
            let known = try await outcomes
            #expect(known == Array(repeating: .confirmed, count: 16))
        }
    }

    @Test func `idle connections outlive many heartbeats, a dead peer is found within three`() async throws {
        let broker = try await TestRabbitMQ.startPrivate()
        let address = try BrokerAddress(url: broker.baseURL)
        let publisher = Publisher(address, topology)
        let consumer = Consumer(address, topology, .queue("q"))
        try await publisher.running {
            try await consumer.running {
                #expect(try await consumer.connected().generation == 1)
                await publisher.reaches { $0 == .ready }
                let names = try await broker.ctl("list_connections", "timeout")
                #expect(names.split(separator: "\n").filter { $0 == "2" }.count == 2)
                // The broker closes a client it has not heard of for two heartbeats (4 s) and counts that.
                try await broker.untilIdle(for: .seconds(7))
                try await publisher.publish([Message(to: "q", 1)], expecting: [.confirmed])
                let delivery = try await consumer.nextDelivery()
                #expect(delivery.number == 1)

                try await broker.signal(SIGSTOP)
                let start = ContinuousClock.now
                let reason = try await consumer.disconnected()
                #expect(reason == .heartbeatMissed)
                await publisher.reaches { if case .down = $0 { true } else { false } }
                #expect(.now - start < .seconds(6.5))
                try await broker.signal(SIGCONT)
                let again = try await consumer.nextDelivery()
                #expect(again.number == 1 && again.redelivered)
            }
        }
    }

    @Test(arguments: ["q", "quorum"])
    func `all that was confirmed is there after the broker was killed`(queue: String) async throws {
        let broker = try await TestRabbitMQ.startPrivate()
        let address = try BrokerAddress(url: broker.baseURL)
        let publisher = Publisher(address, topology, limits: .init(confirmTimeout: .seconds(2)))
        let stop = StopFlag()
        let confirmed = try await publisher.running {
            await publisher.reaches { $0 == .ready }
            // The broker keeps a quorum queue's registration in memory for seconds: killed then, it would come back
            // as a queue that never finds its leader. What is tested here is messages.
            try await broker.control("stop")
            try await broker.control("start")
            await publisher.reaches { $0 == .ready }
            let fault = Task {
                defer { stop.raise() }
                try await broker.control("kill")
                try await broker.control("start")
            }
            var next = 0
            while !stop.isRaised {
                let outcomes = try await publisher.publishUntilKnown((next..<next + 10).map { Message(to: queue, $0) })
                #expect(outcomes.allSatisfy { $0 == .confirmed })
                next += 10
            }
            try await fault.value
            return next
        }
        #expect(confirmed > 0)
        let consumer = Consumer(address, topology, .queue(queue))
        try await consumer.running {
            var missing = Set(0..<confirmed)
            while !missing.isEmpty {
                let delivery = try await consumer.nextDelivery()
                missing.remove(delivery.number ?? -1)
                consumer.acknowledge(delivery.tag)
            }
        }
    }

    @Test func `the end of a run does not wait for a dead peer`() async throws {
        let broker = try await TestRabbitMQ.startPrivate()
        let address = try BrokerAddress(url: broker.baseURL)
        let publisher = Publisher(address, topology)
        let consumer = Consumer(address, topology, .queue("q"))
        let start = try await publisher.running {
            try await consumer.running {
                _ = try await consumer.connected()
                await publisher.reaches { $0 == .ready }
                try await broker.signal(SIGSTOP)
                return ContinuousClock.now
            }
        }
        // Each says goodbye for one call timeout (3 s) at most.
        #expect(.now - start < .seconds(8))
    }
}

extension TestRabbitMQ {
    /// Waits until the broker's own clock has moved on by `duration` without a closed connection.
    func untilIdle(for duration: Duration) async throws {
        let before = try await ctl("list_connections", "pid")
        let seconds = duration.components.seconds
        _ = try await ctl("eval", "timer:sleep(\(seconds * 1000)).")
        let after = try await ctl("list_connections", "pid")
        #expect(before == after)
    }
}

/// Told by one task, seen by another.
private final class StopFlag: Sendable {
    private let raised = Lock(false)
    var isRaised: Bool { raised.withLock { $0 } }
    func raise() { raised.withLock { $0 = true } }
}
