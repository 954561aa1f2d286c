import RabbitMQ
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct BrokerRefusalTests {
    private func reason(_ address: BrokerAddress, _ topology: Topology = Topology()) async throws -> BrokerError {
        let publisher = Publisher(address, topology)
        return try await publisher.running {
            for await state in publisher.stateChanges() {
                if case .down(let reason) = state, reason != .notRunning { return reason }
            }
            return .notRunning
        }
    }

    @Test func `a wrong password, virtual host, port or name is named`() async throws {
        let broker = try await TestRabbitMQ.shared()
        let place = broker.baseURL.split(separator: "@").last.map(String.init) ?? ""
        let wrongPassword = try await reason(BrokerAddress(url: "amqp://martlet:wrong@\(place)/%2f"))
        guard case .accessRefused(let text) = wrongPassword else {
            Issue.record("got \(wrongPassword)")
            return
        }
        #expect(!text.contains("wrong"))
        let wrongHost = try await reason(BrokerAddress(url: broker.baseURL + "/nowhere"))
        guard case .virtualHostRefused = wrongHost else {
            Issue.record("got \(wrongHost)")
            return
        }
        let wrongPort = try await reason(BrokerAddress(url: "amqp://127.0.0.1:1"))
        guard case .unreachable = wrongPort else {
            Issue.record("got \(wrongPort)")
            return
        }
        let wrongName = try await reason(BrokerAddress(url: "amqp://no-such-host.invalid"))
        #expect(wrongName == .unresolved(host: "no-such-host.invalid"))
    }

    @Test func `what exists in another shape is named and left alone`() async throws {
        try await withVirtualHost("conflict") { address in
            let first = Publisher(address, Topology(exchanges: [.init("e", .topic)], queues: [.init("q")]))
            try await first.running { await first.reaches { $0 == .ready } }
            let queue = try await reason(address, Topology(queues: [.init("q", durable: false)]))
            guard case .topologyConflict(object: "queue q", _) = queue else {
                Issue.record("got \(queue)")
                return
            }
            let exchange = try await reason(address, Topology(exchanges: [.init("e", .fanout)]))
            guard case .topologyConflict(object: "exchange e", _) = exchange else {
                Issue.record("got \(exchange)")
                return
            }
            let binding = try await reason(
                address,
                Topology(bindings: [.init(from: "missing", to: "q", routingKey: "")])
            )
            guard case .refused(code: 404, _) = binding else {
                Issue.record("got \(binding)")
                return
            }
        }
    }
}
