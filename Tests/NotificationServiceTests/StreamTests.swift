import Contracts
import JSON
import Kernel
import Store
import TestSupport
import Testing

@testable import NotificationService

/// The same updates for those who have no WebSocket.
@Suite(.timeLimit(.minutes(3))) struct StreamTests {
    private func stream(_ fixture: NotificationFixture, _ path: String, last: String? = nil) async throws
        -> SocketClient
    {
        let client = try SocketClient.connect(fixture.port)
        let headers = ["Authorization: Bearer dev-token"] + (last.map { ["Last-Event-ID: \($0)"] } ?? [])
        try #require(try await client.get(path, headers: headers) == 200)
        return client
    }

    @Test func `a stream goes on after its last event`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            let first = try await stream(fixture, "/sse?context_id=\(card)")
            let snapshot = try await first.readEvent()
            #expect(snapshot["id"] != nil)
            #expect(try JSONDocument(parsing: snapshot["data"] ?? "").root["type"]?.string == "snapshot")
            let job = try await fixture.job(card: card)
            let update = try await first.readEvent()
            #expect(try JSONDocument(parsing: update["data"] ?? "").root["data"]?["job_id"]?.string == "\(job)")
            await first.drop()
            try await fixture.change([job], to: .processing)
            try await fixture.change([job], to: .completed)
            let second = try await stream(fixture, "/sse?context_id=\(card)", last: update["id"])
            for seq in 2...3 {
                let data = try JSONDocument(parsing: try await second.readEvent()["data"] ?? "").root
                #expect(data["type"]?.string == "job_update")
                #expect(data["data"]?["seq"]?.int == seq)
            }
        }
    }

    @Test func `a poll waits for an update, and goes on at its cursor`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            let first = try await fixture.send("GET", "/poll?context_id=\(card)")
            #expect(first.json["messages"]?.elements.compactMap { $0["type"]?.string } == ["snapshot"])
            let cursor = try #require(first.json["cursor"]?.string)
            async let waiting = fixture.send("GET", "/poll?context_id=\(card)&cursor=\(cursor)&wait_ms=20000")
            let job = try await fixture.job(card: card)
            let second = try await waiting
            #expect(second.json["messages"]?.elements.compactMap { $0["data"]?["job_id"]?.string } == ["\(job)"])
            let next = try #require(second.json["cursor"]?.string)
            let third = try await fixture.send("GET", "/poll?context_id=\(card)&cursor=\(next)")
            #expect(third.json["messages"]?.elements.map { $0 }.isEmpty == true)
            #expect(try await fixture.send("GET", "/poll").status == 400)
            #expect(try await fixture.send("GET", "/poll?context_id=\(card)&wait_ms=30001").status == 400)
        }
    }

    @Test func `a foreign context is refused`() async throws {
        try await NotificationFixture.run { fixture in
            let key = try await fixture.key([.eventsRead], project: IdentifierSource().next())
            for path in ["/poll?context_id=all", "/sse?context_id=queue:default"] {
                #expect(try await fixture.send("GET", path, token: key).status == 403)
            }
        }
    }

    @Test func `streams come back at different times, and end with their token`() async throws {
        var options = NotificationFixture.Options()
        options.verifier = { _, now in
            Principal(name: "user:u", scopes: [.eventsRead], expiresAt: now + .seconds(2))
        }
        try await NotificationFixture.run(options) { fixture in
            var times: Set<String> = []
            for _ in 0..<8 {
                let event = try await stream(fixture, "/sse?context_id=queue:default").readEvent()
                let time = try #require(event["retry"])
                #expect((1000...5000).contains(Int(time) ?? 0))
                times.insert(time)
            }
            #expect(times.count > 2)
            try await eventually("those have gone") { fixture.notification.attendance.count == 0 }
            let begin = ContinuousClock.now
            let short = try SocketClient.connect(fixture.port)
            let bearer = "Authorization: Bearer a.b"
            #expect(try await short.get("/sse?context_id=queue:default", headers: [bearer]) == 200)
            #expect(fixture.notification.attendance.count == 1)
            // Well before the next heartbeat.
            try await eventually("it has ended with its token") { fixture.notification.attendance.count == 0 }
            #expect(ContinuousClock.now - begin < .seconds(12))
        }
    }
}
