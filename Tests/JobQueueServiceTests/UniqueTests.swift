import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Unique keys: one job at a time, and never at the cost of a claim, a retry or an expiry.
@Suite(.timeLimit(.minutes(2))) struct UniqueTests {
    private func body(_ rule: String, _ more: String = #""params":{"n":1}"#) -> String {
        #"{\#(more),"unique":{"key":"k"\#(rule)}}"#
    }

    @Test func `a second submission is answered with the job that is there`() async throws {
        try await JobQueueFixture.run { fixture in
            let first = try await fixture.send("POST", "/api/jobs", body(""))
            #expect(first.status == 201)
            let second = try await fixture.send("POST", "/api/jobs", body("", #""params":{"n":2}"#))
            #expect(second.status == 200)
            #expect(second.json["job_id"]?.string == first.json["job_id"]?.string)
            #expect(second.json["params"]?["n"]?.int == 1)
            // Another kind is another matter.
            #expect(try await fixture.send("POST", "/api/jobs", body("", #""params":{},"kind":"other""#)).status == 201)
        }
    }

    @Test(arguments: ["until_started", "until_finished", "forever"])
    func `a key is free again when its scope has ended`(_ scope: String) async throws {
        try await JobQueueFixture.run { fixture in
            let rule = body(#","scope":"\#(scope)""#)
            _ = try await fixture.submit(rule)
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            #expect(try await fixture.send("POST", "/api/jobs", rule).status == 200)
            _ = try await fixture.queue.dispatcher.start(key)
            #expect(try await fixture.send("POST", "/api/jobs", rule).status == (scope == "until_started" ? 201 : 200))
            _ = try await fixture.queue.dispatcher.complete(Completion(key: key))
            let status = try await fixture.send("POST", "/api/jobs", rule).status
            // With until_started the third one holds the key now.
            #expect(status == (scope == "until_finished" ? 201 : 200))
        }
    }

    @Test func `a window ends by the clock, whatever became of the job`() async throws {
        try await JobQueueFixture.run { fixture in
            let rule = body(#","scope":"window","window_ms":3600000"#)
            let id = try await fixture.submit(rule)
            _ = try await fixture.send("POST", "/api/jobs/\(id)/cancel")
            #expect(try await fixture.send("POST", "/api/jobs", rule).status == 200)
            _ = try await fixture.pool.execute("UPDATE jobs.unique_claims SET expires_at = now() - interval '1 second'")
            #expect(try await fixture.send("POST", "/api/jobs", rule).status == 201)
        }
    }

    @Test func `a conflict can be a refusal, or give the waiting job other params or another time`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(body(""))
            let refused = try await fixture.send("POST", "/api/jobs", body(#","on_conflict":"reject""#))
            #expect(refused.status == 409)
            #expect(refused.json["error"]?["details"]?["job_id"]?.string == id.description)
            let replaced = try await fixture.send(
                "POST",
                "/api/jobs",
                body(#","on_conflict":"replace_params""#, #""params":{"n":9}"#)
            )
            #expect(replaced.status == 200)
            #expect(try await fixture.job(id)["params"]?["n"]?.int == 9)
            let later = body(#","on_conflict":"reschedule""#, #""params":{},"delay_ms":3600000"#)
            #expect(try await fixture.send("POST", "/api/jobs", later).json["status"]?.string == "scheduled")
            let sooner = body(#","on_conflict":"reschedule""#, #""params":{}"#)
            #expect(try await fixture.send("POST", "/api/jobs", sooner).json["status"]?.string == "queued")
            let history = try await fixture.history(id)
            #expect(history.statuses == ["queued", "scheduled", "queued"])
            #expect(history.isGapless)
            let key = try await fixture.lease(try await fixture.worker())
            #expect(key.jobID == id)
            #expect(try await fixture.send("POST", "/api/jobs", later).status == 409)
        }
    }

    @Test func `of many at once one is stored, and all hear of it`() async throws {
        try await JobQueueFixture.run { fixture in
            let rule = body("")
            let ids = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        let answer = try await fixture.send("POST", "/api/jobs", rule)
                        return (answer.status, answer.json["job_id"]?.string)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(ids.filter { $0.0 == 201 }.count == 1)
            #expect(Set(ids.map(\.1)).count == 1)
        }
    }

    /// Submissions of one key that meet while the job that holds it is claimed, run and ended, again and again.
    @Test func `no conflict breaks a claim or a completion, and there is never a second live job`() async throws {
        try await JobQueueFixture.run { fixture in
            let rules = ["return_existing", "replace_params", "reschedule", "reject"]
                .map {
                    body(#","on_conflict":"\#($0)""#)
                }
            let worker = try await fixture.worker()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for rule in rules {
                    group.addTask {
                        for _ in 0..<60 {
                            let status = try await fixture.send("POST", "/api/jobs", rule).status
                            #expect([200, 201, 409].contains(status))
                        }
                    }
                }
                group.addTask {
                    let dispatcher = fixture.queue.dispatcher
                    for _ in 0..<60 {
                        let leases = try await dispatcher.acquire(worker, limit: 5, wait: .milliseconds(200))
                        #expect(leases.count <= 1)
                        for lease in leases {
                            let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
                            #expect(try await dispatcher.start(key) == .ok)
                            #expect(try await dispatcher.complete(Completion(key: key)) == .ok)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a replay answers as the first did, with a unique key too`() async throws {
        try await JobQueueFixture.run { fixture in
            _ = try await fixture.submit(body(""))
            let header = [("Idempotency-Key", "once")]
            let first = try await fixture.send("POST", "/api/jobs", body(""), headers: header)
            #expect(first.status == 200)
            _ = try await fixture.pool.execute("UPDATE jobs.jobs SET completed_at = now(), status = 'completed'")
            let again = try await fixture.send("POST", "/api/jobs", body(""), headers: header)
            #expect(again.status == 200)
            #expect(again.json["job_id"]?.string == first.json["job_id"]?.string)
            #expect(again.response.headers["Idempotency-Replayed"] == "true")
        }
    }

    @Test func `in a batch each has its own answer, or one refusal undoes all`() async throws {
        try await JobQueueFixture.run { fixture in
            let taken = try await fixture.submit(body(""))
            let jobs =
                #"[{"params":{}},{"params":{},"unique":{"key":"k"}},{"params":{},"unique":{"key":"k","on_conflict":"reject"}},{"params":{},"unique":{"key":"n"}},{"params":{},"unique":{"key":"n"}}]"#
            let refused = try await fixture.send("POST", "/api/jobs/batch", #"{"jobs":\#(jobs)}"#)
            #expect(refused.status == 409)
            let stored = try await fixture.send("GET", "/api/jobs").json["items"]?.elements.map { $0 }
            #expect(stored?.count == 1)
            let answer = try await fixture.send("POST", "/api/jobs/batch", #"{"atomic":false,"jobs":\#(jobs)}"#)
            #expect(answer.status == 201)
            let items = answer.json["items"]?.elements.map { $0 } ?? []
            try #require(items.count == 5)
            #expect(items[1]["job_id"]?.string == taken.description)
            #expect(items[1]["existing"]?.bool == true)
            #expect(items[2]["code"]?.string == "CONFLICT")
            #expect(items[4]["job_id"]?.string == items[3]["job_id"]?.string)
        }
    }

    @Test func `a rule that contradicts itself is refused`() async throws {
        try await JobQueueFixture.run { fixture in
            for rule in [#","scope":"window""#, #","window_ms":5"#] {
                let answer = try await fixture.send("POST", "/api/jobs", body(rule))
                #expect(answer.pointers == ["/unique/window_ms"])
            }
        }
    }
}
