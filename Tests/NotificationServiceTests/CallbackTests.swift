import Concurrency
import Contracts
import Crypto
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry
import Testing

@testable import NotificationService

/// Final statuses on their way to the agent and to callback URLs.
@Suite(.timeLimit(.minutes(3))) struct CallbackTests {
    private static let fast = ["CALLBACK_RETRY_INITIAL_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]

    /// Runs `body` with a service whose agent is a receiver.
    private func run(
        _ environment: [String: String] = [:],
        status: @escaping @Sendable (Int, Receiver.Delivery) async -> Status = { _, _ in .ok },
        _ body: @escaping @Sendable (NotificationFixture, Receiver) async throws -> Void
    ) async throws {
        let agent = try await Receiver.start(status: status)
        var options = NotificationFixture.Options()
        options.environment = CallbackTests.fast.merging(environment) { $1 }
            .merging(["AGENT_URL": agent.url]) { $1 }
        let result = await Task { [options] in
            try await NotificationFixture.run(options) { try await body($0, agent) }
        }
        .result
        await agent.stop()
        try result.get()
    }

    @Test func `a final status reaches the agent and the job's own URL, signed`() async throws {
        let own = try await Receiver.start()
        try await run { fixture, agent in
            let job = try await fixture.job(callback: own.url + "/done?secret=1")
            try await fixture.change([job], to: .processing)
            try await fixture.change([job], to: .completed)
            for receiver in [agent, own] {
                let delivery = try await receiver.wait(for: 1)[0]
                #expect(delivery.key == "\(job):3")
                let body = try JSONDocument(parsing: delivery.body).root
                #expect(body["status"]?.string == "completed")
                #expect(body["position"]?.string.flatMap { Position($0) } != nil)
                let parts = delivery.signature.split(separator: ",")
                let time = try #require(Int64(parts[0].dropFirst(2)))
                let code = try #require(Hex.decode(String(parts[1].dropFirst(3))))
                let key = Array("development-callback-secret".utf8)
                let signed = CallbackHeader.signedBytes(time: time, body: delivery.body)
                #expect(HMAC.isValid(code, key: key, message: signed))
            }
            #expect(agent.deliveries[0].path == "/internal/callbacks/jobs")
            let listed = try await fixture.send("GET", "/api/callbacks")
            #expect(
                String(decoding: JSONWriter.bytes { $0.value(listed.json) }, as: UTF8.self).contains("secret") == false
            )
        }
        await own.stop()
    }

    @Test func `a failing receiver is tried again until it takes it, with the same key`() async throws {
        try await run(status: { number, _ in number < 4 ? .serviceUnavailable : .noContent }) { fixture, agent in
            let job = try await fixture.job()
            try await fixture.change([job], to: .failed)
            let deliveries = try await agent.wait(for: 5)
            #expect(Set(deliveries.map(\.key)) == ["\(job):2"])
            try await waitForState("delivered", 1, fixture)
        }
    }

    @Test func `what was tried for long enough is dead, visible, and can be revived`() async throws {
        let isWell = Late<Bool>()
        try await run(
            ["CALLBACK_GIVE_UP_MS": "1"],
            status: { _, _ in isWell.value == true ? .ok : .internalServerError }
        ) { fixture, agent in
            let job = try await fixture.job()
            try await fixture.change([job], to: .cancelled)
            try await waitForState("dead", 1, fixture)
            let dead =
                try await fixture.send("GET", "/api/callbacks?state=dead").json["items"]?.elements.map { $0 } ?? []
            #expect(dead.first?["last_error"]?.string == "answered with 500")
            #expect(dead.first?["attempt"]?.int == agent.deliveries.count)
            let id = try #require(dead.first?["callback_id"]?.string)
            isWell.value = true
            #expect(try await fixture.send("POST", "/api/callbacks/\(id)/retry").status == 202)
            try await waitForState("delivered", 1, fixture)
            #expect(try await fixture.send("POST", "/api/callbacks/\(id)/retry").status == 409)
            #expect(try await fixture.send("POST", "/api/callbacks/\(UUID(high: 1, low: 1))/retry").status == 404)
        }
    }

    @Test func `a private address is not called when that is forbidden`() async throws {
        let own = try await Receiver.start()
        try await run(["ALLOW_PRIVATE_CALLBACKS": "false", "CALLBACK_GIVE_UP_MS": "1"]) { fixture, agent in
            let job = try await fixture.job(callback: own.url)
            try await fixture.change([job], to: .completed)
            try await waitForState("dead", 1, fixture)
            _ = try await agent.wait(for: 1)
            #expect(own.deliveries.isEmpty)
        }
        await own.stop()
    }

    @Test func `a slow host holds up no other`() async throws {
        let gate = Promise<Void>()
        let slow = try await Receiver.start { _, _ in
            // Answers when the test lets it.
            do { try await gate.value() } catch { return .serviceUnavailable }
            return .ok
        }
        try await run { fixture, agent in
            var jobs: [JobID] = []
            // One that is held, because a promise has one reader.
            jobs.append(try await fixture.job(callback: slow.url))
            for _ in 0..<100 { jobs.append(try await fixture.job(tells: false)) }
            try await fixture.change(jobs, to: .completed)
            _ = try await agent.wait(for: 101)
            _ = try await slow.wait(for: 1)
            gate.succeed(())
            try await waitForState("delivered", 102, fixture)
        }
        await slow.stop()
    }

    @Test func `callbacks survive the death of their sender and have their effect once`() async throws {
        try await run(status: { number, _ in number % 3 == 0 ? .badGateway : .ok }) { fixture, agent in
            var jobs: [JobID] = []
            for _ in 0..<60 { jobs.append(try await fixture.job(tells: false)) }
            // A second replica, which is killed in the middle of its work.
            let dying = try await replica(fixture)
            try await fixture.change(jobs, to: .completed)
            _ = try await agent.wait(for: 20)
            dying.cancel()
            _ = await dying.result
            try await waitForState("delivered", 60, fixture)
            #expect(Set(agent.deliveries.map(\.key)) == Set(jobs.map { "\($0):2" }))
        }
    }

    @Test func `a ledger that dies is followed by another that leaves nothing out`() async throws {
        try await NotificationFixture.run { fixture in
            // The service's own ledger has the lead, as a replica that we know nothing of; it dies with the service.
            var jobs: [JobID] = []
            for _ in 0..<20 { jobs.append(try await fixture.job(tells: false)) }
            try await fixture.change(jobs, to: .completed)
            try await waitForRows(20, fixture)
            _ = try await fixture.pool.execute(
                "UPDATE shared.leases SET holder = gen_random_uuid(), fence = fence + 1 WHERE name = 'callbacks'"
            )
            var more: [JobID] = []
            for _ in 0..<20 { more.append(try await fixture.job(tells: false)) }
            try await fixture.change(more, to: .failed)
            // The deposed one is refused by its fence, and takes the lead again when the usurper's term is over.
            try await waitForRows(40, fixture)
            let fence = try await fixture.pool.query("SELECT fence FROM shared.leases WHERE name = 'callbacks'")[0]
                .decode(0, as: Int.self)
            #expect(fence >= 3)
        }
    }

    private func waitForRows(_ count: Int, _ fixture: NotificationFixture) async throws {
        while try await fixture.pool.query("SELECT count(*) FROM notify.callbacks")[0].decode(0, as: Int.self) < count {
            await Task.yield()
        }
    }

    /// A sender beside that of the service, with a short lease.
    private func replica(_ fixture: NotificationFixture) async throws -> Task<Void, any Error> {
        let wakeup = Wakeup()
        let rules = CallbackSender.Rules(
            backoff: Backoff(from: .milliseconds(1), cap: .milliseconds(1)),
            lanes: .init(atOnce: 8, perLane: 8),
            lease: .seconds(1)
        )
        let post = CallbackPost(
            secret: Secret("development-callback-secret"),
            directory: fixture.directory,
            client: .init(logger: .silent, metrics: fixture.metrics),
            timeout: .seconds(10)
        )
        let sender = CallbackSender(
            for: .agent,
            pool: fixture.pool,
            rules: rules,
            post: post,
            wakeup: wakeup,
            metrics: NotificationMetrics(fixture.metrics),
            logger: .silent
        )
        return Task { try await sender.run(until: StopSignal()) }
    }

    private func waitForState(_ state: String, _ count: Int, _ fixture: NotificationFixture) async throws {
        while try await
            fixture.pool
            .query("SELECT count(*) FROM notify.callbacks WHERE state = \(state)")[0]
            .decode(0, as: Int.self) < count
        {
            await Task.yield()
        }
    }
}
