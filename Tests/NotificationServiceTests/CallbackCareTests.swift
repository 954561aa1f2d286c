import Contracts
import Foundation
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Targets that are away, the list of the dead, and receivers that check what comes.
@Suite(.timeLimit(.minutes(3))) struct CallbackCareTests {
    private func retry(_ body: String, _ fixture: NotificationFixture) async throws -> (
        status: Int, json: JSONElement
    ) {
        let response = try await fixture.client.send(
            ClientRequest(
                "POST",
                "http://127.0.0.1:\(fixture.port)/api/callbacks/retry",
                headers: [("Authorization", "Bearer dev-token"), ("Content-Type", "application/json")],
                body: .bytes(Array(body.utf8))
            )
        )
        return (response.status, try JSONDocument(parsing: response.body).root)
    }

    @Test func `a target that does not answer is given a rest, is seen to be, and gets everything afterwards`()
        async throws
    {
        let isWell = Late<Bool>()
        let away = try await Receiver.start { _, _ in isWell.value == true ? .ok : .serviceUnavailable }
        let well = try await Receiver.start()
        var options = NotificationFixture.Options()
        options.environment = ["CALLBACK_RETRY_INITIAL_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]
        try await NotificationFixture.run(options) { fixture in
            var jobs: [JobID] = []
            for _ in 0..<30 { jobs.append(try await fixture.job(callback: away.url)) }
            try await fixture.change(jobs, to: .completed)
            let host = String(away.url.dropFirst("http://".count))
            try await eventually("the breaker opens") {
                let targets = try await fixture.send("GET", "/api/callbacks/targets").json["items"]
                return targets?.elements
                    .contains {
                        $0["host"]?.string == host && $0["breaker"]?.string != "closed"
                    } == true
            }
            #expect(fixture.metrics.prometheusText().contains("martlet_notify_callback_breakers_opened_total "))
            // Another one is served meanwhile.
            let other = try await fixture.job(callback: well.url)
            try await fixture.change([other], to: .completed)
            _ = try await well.wait(for: 1)
            // Eight are under way when the first five have failed; after that there is one a second at most.
            try await eventually("its health is told") {
                let health = try await fixture.send("GET", "/health").json["checks"]?["callbacks"]
                return health?["message"]?.string?.contains("the agent, hosts of callback URLs: 1") == true
            }
            #expect(away.deliveries.count < 30)
            isWell.value = true
            try await eventually("all are delivered") {
                try await
                    fixture.pool
                    .query(
                        "SELECT count(*) FROM notify.callbacks WHERE target = 'url' AND state = 'delivered'"
                    )[0]
                    .decode(0, as: Int.self) == 31
            }
        }
        await away.stop()
        await well.stop()
    }

    @Test func `the agent has places of its own`() async throws {
        let gate = Late<Bool>()
        let agent = try await Receiver.start { _, _ in
            do { try await eventually("the gate opens") { gate.value == true } } catch { return .serviceUnavailable }
            return .ok
        }
        var options = NotificationFixture.Options()
        options.environment = ["AGENT_URL": agent.url, "CALLBACK_AGENT_AT_ONCE": "20", "CALLBACK_HOST_AT_ONCE": "2"]
        try await NotificationFixture.run(options) { fixture in
            var jobs: [JobID] = []
            for _ in 0..<40 { jobs.append(try await fixture.job(tells: false)) }
            try await fixture.change(jobs, to: .completed)
            // More than a host gets, no more than the setting says.
            #expect(try await agent.wait(for: 20).count == 20)
            let targets = try await fixture.send("GET", "/api/callbacks/targets").json["items"]
            #expect(targets?.elements.compactMap { $0["under_way"]?.int } == [20])
            gate.value = true
            _ = try await agent.wait(for: 40)
        }
        await agent.stop()
    }

    @Test func `dead callbacks are found by filter and tried again together`() async throws {
        let isWell = Late<Bool>()
        let first = try await Receiver.start { _, _ in isWell.value == true ? .ok : .notFound }
        let second = try await Receiver.start { _, _ in Status(410) }
        var options = NotificationFixture.Options()
        options.environment = ["CALLBACK_GIVE_UP_MS": "1", "CALLBACK_RETRY_CAP_MS": "1"]
        try await NotificationFixture.run(options) { fixture in
            var jobs: [JobID] = []
            for _ in 0..<3 { jobs.append(try await fixture.job(callback: first.url)) }
            for _ in 0..<2 { jobs.append(try await fixture.job(callback: second.url)) }
            try await fixture.change(jobs, to: .completed)
            try await eventually("all are dead") {
                try await
                    fixture.pool
                    .query(
                        "SELECT count(*) FROM notify.callbacks WHERE target = 'url' AND state = 'dead'"
                    )[0]
                    .decode(0, as: Int.self) == 5
            }
            let host = String(first.url.dropFirst("http://".count))
            func list(_ query: String) async throws -> [JSONElement] {
                try await fixture.send("GET", "/api/callbacks?\(query)").json["items"]?.elements.map { $0 } ?? []
            }
            #expect(try await list("state=dead&target=url").count == 5)
            #expect(try await list("state=dead&host=\(host)").count == 3)
            #expect(
                try await list("job_id=\(jobs[4])&target=url").map { $0["last_error"]?.string } == ["answered with 410"]
            )
            #expect(try await list("state=dead&target=url&created_before=2020-01-01T00:00:00Z").isEmpty)
            #expect(try await fixture.send("GET", "/api/callbacks?state=gone").status == 400)
            // In pages, each once.
            let page = try await fixture.send("GET", "/api/callbacks?state=dead&target=url&limit=2")
            let cursor = try #require(page.json["next_cursor"]?.string)
            let rest = try await list("state=dead&target=url&limit=3&cursor=\(cursor)")
            let ids = (page.json["items"]?.elements.map { $0 } ?? []).map { $0["callback_id"]?.string }
            #expect(Set(ids + rest.map { $0["callback_id"]?.string }).count == 5)

            isWell.value = true
            let dry = try await retry(#"{"filter":{"host":"\#(host)"},"dry_run":true}"#, fixture)
            #expect(dry.json["matched"]?.int == 3)
            #expect(dry.json["changed"]?.int == 0)
            let wet = try await retry(#"{"filter":{"host":"\#(host)"}}"#, fixture)
            #expect(wet.json["changed"]?.int == 3)
            _ = try await first.wait(for: 6)
            try await eventually("they are delivered") {
                try await list("state=delivered&host=\(host)").count == 3
            }
            #expect(try await list("state=dead&target=url").count == 2)
            #expect(try await retry(#"{"filter":{}}"#, fixture).status == 400)
            #expect(try await retry(#"{"filter":{"colour":"red"}}"#, fixture).status == 400)
        }
        await first.stop()
        await second.stop()
    }

    @Test func `the receiver of the documentation takes what is genuine, and nothing else`() async throws {
        let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/examples/callback_receiver.py")
        let receiver = try await TestProcess(
            "/usr/bin/env",
            ["python3", example.path, "0"],
            environment: ["PATH": "/usr/bin:/bin:/usr/local/bin", "CALLBACK_SECRET": "development-callback-secret"]
        )
        let port = try #require(await receiver.readLine().split(separator: " ").last)
        // One that is ours too, for a genuine callback to tamper with.
        let spy = try await Receiver.start()
        try await NotificationFixture.run { fixture in
            let spied = try await fixture.job(callback: spy.url)
            try await fixture.change([spied], to: .failed)
            let genuine = try await spy.wait(for: 1)[0]
            let job = try await fixture.job(callback: "http://127.0.0.1:\(port)/martlet")
            try await fixture.change([job], to: .completed)
            #expect(await receiver.readLine() == "\(job) completed ")
            try await eventually("it was taken") {
                try await
                    fixture.pool
                    .query(
                        "SELECT state FROM notify.callbacks WHERE job_id = \(job) AND target = 'url'"
                    )[0]
                    .decode(0, as: String.self) == "delivered"
            }

            func post(_ body: [UInt8], _ signature: String?) async throws -> Int {
                let response = try await fixture.client.send(
                    ClientRequest(
                        "POST",
                        "http://127.0.0.1:\(port)/",
                        headers: [("Idempotency-Key", genuine.key)]
                            + (signature.map { [("Martlet-Signature", $0)] } ?? []),
                        body: .bytes(body)
                    )
                )
                return response.status
            }
            var changed = genuine.body
            changed[changed.count / 2] ^= 1
            let parts = genuine.signature.split(separator: ",").map(String.init)
            let later = Int64(parts[0].dropFirst(2)).map { "t=\($0 + 1),\(parts[1])" }
            for (body, signature) in [
                (changed, genuine.signature), (genuine.body, later), (genuine.body, nil), (genuine.body, "t=1,v1=00"),
                (genuine.body, parts[0]), (genuine.body, "t=,v1="), (genuine.body, "nonsense"),
            ] {
                #expect(try await post(body, signature) == 401, "\(signature ?? "none")")
            }
            #expect(try await post(genuine.body, genuine.signature) == 204)
            #expect(try await post(genuine.body, "\(genuine.signature),v1=00") == 204)
            #expect(await receiver.readLine() == "\(spied) failed ")
        }
        await spy.stop()
    }
}
