import Contracts
import JSON
import Kernel
import Messaging
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// The way of an event, told and measured.
@Suite(.timeLimit(.minutes(3))) struct TraceTests {
    @Test func `an event's way is told with its times, clients and callbacks`() async throws {
        let agent = try await Receiver.start()
        var options = NotificationFixture.Options()
        options.environment = ["AGENT_URL": agent.url]
        try await NotificationFixture.run(options) { fixture in
            let begin = WallClock.system.now()
            var sockets: [SocketClient] = []
            for context in ["all", "all", "queue:default"] {
                let socket = try await fixture.socket("/ws?context_id=\(context)")
                _ = try await socket.next("snapshot")
                sockets.append(socket)
            }
            let job = try await fixture.job()
            try await fixture.change([job], to: .completed)
            for socket in sockets { for _ in 0..<2 { _ = try await socket.next("job_update") } }
            _ = try await agent.wait(for: 1)
            try await eventually("it is counted") {
                try await fixture.send("GET", "/api/trace/\(job):2").json["written"]?["clients"]?.int == 3
            }
            try await eventually("it is measured") {
                fixture.metrics.prometheusText()
                    .contains(#"martlet_notify_hop_seconds_count{hop="received_to_written"} 2"#)
            }
            let trace = try await fixture.send("GET", "/api/trace/\(job):2")
            #expect(trace.status == 200)
            func time(_ hop: String, _ field: String = "at") -> Timestamp? {
                trace.json[hop]?[field]?.string.flatMap { Timestamp($0) }
            }
            let times = [
                time("stored"), time("published"), time("received"), time("written", "first_at"),
                time("written", "last_at"),
            ]
            .compactMap { $0 }
            #expect(times.count == 5)
            #expect(times == times.sorted())
            // Told to the millisecond, rounded down.
            #expect((begin - times[0]) < .milliseconds(1) && times[4] <= WallClock.system.now())
            #expect(trace.json["received"]?["from"]?.string == "broker")
            #expect(trace.json["written"]?["clients"]?.int == 3)
            let callbacks = trace.json["callbacks"]?.elements.map { $0["target"]?.string }
            #expect(callbacks == ["agent"])
            let metrics = fixture.metrics.prometheusText()
            for hop in ["stored_to_published", "published_to_received", "received_to_written"] {
                #expect(metrics.contains(#"martlet_notify_hop_seconds_count{hop="\#(hop)"} 2"#), "\(hop)")
            }
        }
        await agent.stop()
    }

    @Test func `an event that came from the log, or that nobody watched, is told as such`() async throws {
        var options = NotificationFixture.Options()
        options.usesBroker = false
        try await NotificationFixture.run(options) { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            let job = try await fixture.job()
            _ = try await socket.next("job_update")
            try await eventually("it is counted") {
                try await fixture.send("GET", "/api/trace/\(job):1").json["written"]?["clients"]?.int == 1
            }
            let trace = try await fixture.send("GET", "/api/trace/\(job):1")
            #expect(trace.json["received"]?["from"]?.string == "log")
            #expect(trace.json["published"]?.value("at")?.string == nil)
            #expect(trace.json["written"]?["clients"]?.int == 1)
            for id in ["\(job):9", "nonsense", "\(JobID(IdentifierSource().uuid())):1"] {
                #expect(
                    try await fixture.send("GET", "/api/trace/\(id)").json["error"]?["code"]?.string
                        == "EVENT_NOT_FOUND"
                )
            }
            let reader = try await fixture.key([.eventsRead])
            #expect(try await fixture.send("GET", "/api/trace/\(job):1", token: reader).status == 403)
        }
    }

    @Test func `only the latest are remembered`() throws {
        let store = TraceStore(capacity: 10, metrics: Metrics())
        for number in 1...25 {
            let wire =
                #"{"event_id":"e\#(number)","type":"card.updated","position":"a.\#(number).1","prev_position":"a.\#(number - 1).1"}"#
            store.remember([try #require(FeedEvent(wire: Array(wire.utf8)))])
        }
        #expect((1...25).filter { store.passage(of: "e\($0)") != nil } == Array(16...25))
    }
}
