import Contracts
import Kernel
import Messaging
import Postgres
import RabbitMQ
import Telemetry
import Testing

/// What a feed makes of what comes from the broker.
@Suite(.timeLimit(.minutes(1))) struct EventFeedTests {
    @Test func `events come from the broker, each once`() async throws {
        try await FeedFixture.run { fixture, _ in
            let ids = [try await fixture.append(), try await fixture.append(), try await fixture.append()]
            let wires = try await fixture.wires()
            for wire in [wires[0], wires[0], wires[1], wires[0], wires[1], wires[2]] { try await fixture.publish(wire) }
            try await fixture.wait { seen, _ in seen.count >= 3 }
            #expect(fixture.ids == ids)
        }
    }

    @Test func `a lost message is fetched from the log, in its place`() async throws {
        try await FeedFixture.run { fixture, _ in
            var ids: [String] = []
            for _ in 0..<5 { ids.append(try await fixture.append()) }
            let wires = try await fixture.wires()
            try await fixture.publish(wires[0])
            try await fixture.publish(wires[3])
            let all = ids
            try await fixture.wait { seen, _ in seen.count >= all.count }
            #expect(fixture.ids == ids)
            #expect(fixture.metrics.prometheusText().contains("martlet_feed_gaps_total 1"))
        }
    }

    @Test func `a poison message is passed over and what it may have been comes from the log`() async throws {
        try await FeedFixture.run { fixture, _ in
            let id = try await fixture.append()
            try await fixture.publish(Array("{\"position\":\"x\"}".utf8))
            try await fixture.wait { seen, _ in seen == [id] }
            #expect(fixture.metrics.prometheusText().contains("martlet_feed_poison_total 1"))
        }
    }

    @Test func `while the broker is silent the log is looked at`() async throws {
        try await FeedFixture.run(period: .milliseconds(50)) { fixture, feed in
            let ids = [try await fixture.append(), try await fixture.append()]
            try await fixture.wait { seen, _ in seen.count >= 2 }
            #expect(fixture.ids == ids)
            #expect(feed.condition == .following)
        }
    }

    @Test func `another history makes the feed begin anew`() async throws {
        try await FeedFixture.run(period: .milliseconds(50)) { fixture, _ in
            let first = try await fixture.append()
            try await fixture.wait { seen, _ in seen == [first] }
            _ = try await fixture.pool.execute("UPDATE shared.log_origin SET salt = 'restored'")
            try await fixture.wait { _, beginnings in beginnings == 2 }
            let epoch = try await EventLogReader(fixture.pool).epoch()
            #expect(fixture.beginnings.map { $0.epoch == epoch } == [false, true])
            let second = try await fixture.append()
            try await fixture.wait { seen, _ in seen == [first, second] }
        }
    }

    @Test func `a message of an old history is dropped`() async throws {
        try await FeedFixture.run { fixture, _ in
            let id = try await fixture.append()
            let wire = try await fixture.wires()[0]
            let old = String(decoding: wire, as: UTF8.self)
                .replacing(try await EventLogReader(fixture.pool).epoch(), with: "0ld")
            try await fixture.publish(Array(old.utf8))
            try await fixture.publish(wire)
            try await fixture.wait { seen, _ in seen == [id] }
            #expect(fixture.beginnings.count == 1)
        }
    }
}
