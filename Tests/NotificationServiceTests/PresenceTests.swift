import Contracts
import JSON
import Kernel
import Lifecycle
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// How many watch a context: on all nodes, and not on dead ones.
@Suite(.timeLimit(.minutes(3))) struct PresenceTests {
    private func watchers(_ context: String, _ fixture: NotificationFixture) async throws -> (all: Int?, here: Int?) {
        let answer = try await fixture.send("GET", "/api/watchers?context_id=\(context)")
        return (answer.json["watchers"]?.int, answer.json["here"]?.int)
    }

    @Test func `watchers are counted on all nodes, and a dead node's are not`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            #expect(try await watchers("\(card)", fixture) == (0, 0))
            let first = try await fixture.socket("/ws?context_id=\(card)")
            _ = try await first.next("snapshot")
            let second = try await fixture.socket("/ws?context_id=\(card)")
            _ = try await second.next("snapshot")
            #expect(try await watchers("\(card)", fixture) == (2, 2))

            // Another node, of which this one knows by the database alone.
            let hub = Hub(metrics: NotificationMetrics(Metrics()))
            var other = Presence(hub: hub, pool: fixture.pool, logger: .silent)
            other.period = .milliseconds(20)
            other.lease = .seconds(1)
            hub.watch(.card(card))
            hub.watch(.card(card))
            hub.watch(.card(card))
            hub.watch(.all)
            let node = other
            let stop = StopSignal()
            let living = Task { try await node.run(until: stop) }
            try await eventually("both are counted") { try await watchers("\(card)", fixture) == (5, 2) }
            hub.unwatch(.card(card))
            try await eventually("one went") { try await watchers("\(card)", fixture) == (4, 2) }
            hub.unwatch(.card(card))
            hub.unwatch(.card(card))
            try await eventually("all of the other's went") { try await watchers("\(card)", fixture) == (2, 2) }
            #expect(try await watchers("all", fixture) == (1, 0))
            // What the database has lost is told again.
            _ = try await fixture.pool.execute("TRUNCATE notify.nodes, notify.watchers")
            #expect(try await watchers("all", fixture) == (0, 0))
            try await eventually("it is told again") { try await watchers("all", fixture) == (1, 0) }
            // It dies without a word.
            living.cancel()
            _ = await living.result
            try await eventually("the dead are not counted") { try await watchers("all", fixture).all == 0 }
            #expect(try await fixture.send("GET", "/api/watchers?context_id=nothing").status == 400)
            let key = try await fixture.key([.eventsRead], project: IdentifierSource().next())
            #expect(try await fixture.send("GET", "/api/watchers?context_id=all", token: key).status == 403)
        }
    }
}
