import Contracts
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// A paused queue starts nothing, from the moment at which the pause is answered.
@Suite(.timeLimit(.minutes(1))) struct PauseTests {
    @Test func `nothing is claimed after a pause was answered, whoever claims, and what runs goes on`() async throws {
        try await JobQueueFixture.run { fixture in
            let all = 3000
            for _ in 0..<3 { try await fixture.submit("busy", each: Array(repeating: "", count: all / 3)) }
            let claimed: SQL = "SELECT count(*) FROM jobs.jobs WHERE queue = 'busy' AND fence > 0"
            let isOver = SharedValue(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let worker = try await fixture.worker(capacity: all)
                        while !isOver.withLock({ $0 }) { _ = try await fixture.take(worker, 1) }
                    }
                }
                try await eventually { try await fixture.count(claimed) >= 50 }
                let answer = try await fixture.send("POST", "/api/queues/busy/pause")
                let atPause = try await fixture.count(claimed)
                #expect(answer.json["paused"]?.bool == true)
                #expect(answer.json["paused_by"]?.string == "dev")
                #expect(atPause < all)
                // The claimers go on, and other queues have what they want.
                let other = try await fixture.submit(#"{"params":{},"queue":"other"}"#)
                while try await fixture.count("SELECT count(*) FROM jobs.leases WHERE job_id = \(other)") == 0 {
                    await Task.yield()
                }
                while try await fixture.count("SELECT count(*) FROM jobs.ready WHERE lane IS NULL") > 0 {
                    await Task.yield()
                }
                #expect(try await fixture.count(claimed) == atPause)
                // Submitted while it is paused: waits like the others.
                try await fixture.submit("busy", each: ["", ""])
                #expect(try await fixture.count(claimed) == atPause)
                #expect(try await fixture.send("POST", "/api/queues/busy/resume").json["paused"]?.bool == false)
                try await eventually { try await fixture.count(claimed) >= atPause + 100 }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a pause is not answered while a claim is under way that did not know of it`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.submit("busy", each: ["", ""])
            let worker = try await fixture.worker()
            let answer = try await fixture.pool
                .withTransaction { transaction in
                    let rows = try transaction.query(
                        LeaseStatements.claim(worker, from: .all(of: worker.kinds), limit: 1, starting: false)
                    )
                    #expect(rows.count == 1)
                    let pause = Task { try await fixture.send("POST", "/api/queues/busy/pause") }
                    let waits: SQL = """
                        SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs.leases'::regclass
                        """
                    try await eventually { try await fixture.count(waits) != 0 }
                    #expect(try await fixture.count("SELECT count(*) FROM jobs.queues") == 0)
                    return pause
                }
                .value
            #expect(answer.status == 200)
            #expect(try await fixture.count("SELECT count(*) FROM jobs.leases WHERE lane IS NOT NULL") == 1)
            #expect(try await fixture.take(worker).isEmpty)
        }
    }

    @Test func `what takes no body takes an empty object, and what takes an optional one takes none`() async throws {
        try await JobQueueFixture.run { fixture in
            #expect(try await fixture.send("POST", "/api/queues/q/pause", "{}").json["paused"]?.bool == true)
            #expect(try await fixture.send("POST", "/api/queues/q/resume", "{}").json["paused"]?.bool == false)
            let job = try await fixture.submit()
            // Both bodies are fine; a job that is in line has nothing to be resumed from.
            for body in [nil, "{}"] {
                let answer = try await fixture.send("POST", "/api/jobs/\(job)/resume", body)
                #expect(answer.code == "INVALID_TRANSITION")
            }
            // What is set whole is not lifted by a body that got lost.
            let put = try await fixture.send("PUT", "/api/queues/q", "", headers: [])
            #expect(put.code == "INVALID_JSON")
        }
    }

    @Test func `a queue is changed by who may, in the version that they know`() async throws {
        try await JobQueueFixture.run { fixture in
            #expect(try await fixture.send("GET", "/api/queues/none").code == "QUEUE_NOT_FOUND")
            #expect(try await fixture.send("POST", "/api/queues/no%20name/pause").code == "QUEUE_NOT_FOUND")
            let bad = #"{"concurrency":0,"rate":{"count":1},"project_weights":{"x":1},"retention":{}}"#
            let refused = try await fixture.send("PUT", "/api/queues/q", bad)
            #expect(refused.status == 400)
            #expect(Set(refused.pointers).isSuperset(of: ["/concurrency", "/rate/per_ms", "/retention"]))
            let named = try await fixture.send("PUT", "/api/queues/q", #"{"project_weights":{"x":1}}"#)
            #expect(named.pointers == ["/project_weights/x"])
            let put = try await fixture.send(
                "PUT",
                "/api/queues/q",
                #"{"concurrency":2,"paused":true,"rate":{"count":5,"per_ms":1000},"weight":2.5}"#,
                headers: [("If-Match", "\"0\"")]
            )
            #expect(put.json["rate"]?["burst"]?.int == 5)
            #expect(put.json["weight"]?.double == 2.5)
            #expect(put.json["paused"]?.bool == true)
            let stale = try await fixture.send("PUT", "/api/queues/q", "{}", headers: [("If-Match", "\"0\"")])
            #expect(stale.code == "STALE_VERSION")
            // What is left out is lifted, but for the pause.
            let lifted = try await fixture.send("PUT", "/api/queues/q", "{}").json
            #expect(lifted["concurrency"]?.isNull == true)
            #expect(lifted["paused"]?.bool == true)
            #expect(try await fixture.send("PUT", "/api/queues/q", #"{"paused":false}"#).json["paused"]?.bool == false)
            let list = try await fixture.send("GET", "/api/queues").json["items"]
            #expect(list?.elements.compactMap { $0["name"]?.string } == ["q"])
            let key = try await fixture.send(
                "POST",
                "/api/keys",
                #"{"name":"one","scopes":["jobs:manage","jobs:read"],"project_id":"01890000-0000-7000-8000-000000000001"}"#
            )
            let token = try #require(key.json["token"]?.string ?? key.json["key"]?.string)
            #expect(try await fixture.send("POST", "/api/queues/q/pause", token: token).code == "FORBIDDEN")
            #expect(try await fixture.send("GET", "/api/queues", token: token).status == 200)
        }
    }
}
