import Concurrency
import Contracts
import JSON
import Kernel
import Postgres
import RabbitMQ
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Parts that are away, slow or hostile.
@Suite(.timeLimit(.minutes(2))) struct OutageTests {
    @Test func `without the broker updates go on from the log, and health says degraded`() async throws {
        var options = NotificationFixture.Options()
        options.usesBroker = false
        try await NotificationFixture.run(options) { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            let job = try await fixture.job()
            #expect(try await socket.next("job_update")["data"]?["job_id"]?.string == "\(job)")
            let health = try await fixture.send("GET", "/health")
            #expect(health.status == 200)
            #expect(health.json["status"]?.string == "degraded")
            #expect(health.json["checks"]?["event_feed"]?["message"]?.string == "readingLog")
        }
    }

    @Test func `a queue that is lost in the middle loses no event`() async throws {
        try await NotificationFixture.run { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            try await fixture.job()
            _ = try await socket.next("job_update")
            // The broker ends the connections of this virtual host, and their exclusive queues with them.
            let broker = try await TestRabbitMQ.shared()
            let host = fixture.brokerURL.split(separator: "/").last.map(String.init) ?? ""
            let closing = Task { try await broker.ctl("close_all_connections", "--vhost", host, "test") }
            var jobs: [String] = []
            for _ in 0..<50 { jobs.append("\(try await fixture.job())") }
            _ = try await closing.value
            for _ in 0..<50 { jobs.append("\(try await fixture.job())") }
            var seen: [String] = []
            while seen.count < jobs.count {
                seen.append(try await socket.next("job_update")["data"]?["job_id"]?.string ?? "")
            }
            #expect(seen == jobs)
        }
    }

    @Test func `garbage on the exchange changes nothing`() async throws {
        try await NotificationFixture.run { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            let publisher = Publisher(
                try BrokerAddress(url: fixture.brokerURL),
                settings: ConnectionSettings(name: "hostile"),
                logger: .silent,
                metrics: Metrics()
            )
            let publishing = Task { await publisher.run() }
            let foreign =
                #"{"event_id":"x","type":"job.status.updated","position":"abc.9.9","prev_position":"abc.9.8"}"#
            for body in ["", "nonsense", "[]", "{}", foreign] {
                _ = try await publisher.publish([
                    Message(exchange: EventType.exchange, routingKey: "job.status.updated", body: Array(body.utf8))
                ])
            }
            let job = try await fixture.job()
            #expect(try await socket.next("job_update")["data"]?["job_id"]?.string == "\(job)")
            // The update may overtake garbage, by way of the log; the suite's time limit bounds the wait.
            try await eventually { fixture.metrics.prometheusText().contains("martlet_feed_poison_total 4") }
            publishing.cancel()
            await publishing.value
        }
    }

    @Test func `a stalled client is closed with 4008, others are in time, memory is bounded`() async throws {
        var options = NotificationFixture.Options()
        options.hub.bytes = 4 << 20
        options.limits.slow = SlowLadder.Limits(resyncAfter: .milliseconds(300), closeAfter: .seconds(1))
        try await NotificationFixture.run(options) { fixture in
            let stalled = try await fixture.socket("/ws?context_id=all", receiveBuffer: 4096)
            _ = try await stalled.next("snapshot")
            let other = try await fixture.socket("/ws?context_id=all")
            _ = try await other.next("snapshot")
            // One that has certainly left: from there on the cursors of the close count.
            try await fixture.job()
            _ = try await stalled.next("job_update")
            _ = try await other.next("job_update")
            var jobs: [JobID] = []
            for _ in 0..<200 { jobs.append(try await fixture.job(tells: false)) }
            fixture.wakeup.signal()
            var received = 0
            for _ in jobs {
                _ = try await other.next("job_update")
                received += 1
            }
            let slow = "martlet_notify_slow_closes_total 1"
            var rounds = 0
            while !fixture.metrics.prometheusText().contains(slow) {
                rounds += 1
                try #require(rounds < 100, "the stalled client was never closed")
                try await fixture.change(jobs, to: .processing)
                for _ in jobs {
                    _ = try await other.next("job_update")
                    received += 1
                }
            }
            #expect(received == 200 * (rounds + 1))
            #expect(fixture.notification.hub.ringBytes <= 4 << 20)
            // It reads again: what had left, then where it stands and why it is closed.
            var cursor: String?
            var told: JSONElement?
            var code: UInt16 = 0
            while code == 0 {
                switch try await stalled.next() {
                case .message(let message):
                    if message["type"]?.string == "error" { told = message } else { cursor = message["cursor"]?.string }
                case .close(let number, _): code = number
                }
            }
            #expect(code == 4008)
            #expect(told?["code"]?.string == "SLOW_CONSUMER")
            let applied = try #require(cursor.flatMap { Position($0) })
            let offered = try #require(told?["cursors"]?["all"]?.string.flatMap { Position($0) })
            // To resume from there may repeat something, and misses nothing.
            #expect(!applied.isBefore(offered))
        }
    }

    @Test func `with the database away sockets stay, and a subscription is refused for now`() async throws {
        try await NotificationFixture.run { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            await fixture.notification.pool.close()
            let card: CardID = IdentifierSource().next()
            try await socket.send(#"{"type":"subscribe","id":"c","contexts":[{"context_id":"\#(card)"}]}"#)
            let error = try await socket.next("error")
            #expect(error["code"]?.string == "SERVICE_UNAVAILABLE")
            #expect(error["retryable"]?.bool == true)
            #expect(error["context_id"]?.string == "\(card)")
            try await socket.send(#"{"type":"ping","t":1}"#)
            #expect(try await socket.next("pong")["t"]?.int == 1)
        }
    }
}
