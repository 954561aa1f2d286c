import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Invariant 1, and the promises of the Idempotency-Key.
@Suite(.timeLimit(.minutes(2))) struct SubmissionTests {
    @Test func `the answer has the contract's members, and the job can be had`() async throws {
        try await JobQueueFixture.run { fixture in
            let answer = try await fixture.send(
                "POST",
                "/api/jobs",
                #"{"params":{"text":"hello"},"tags":["a","b"],"metadata":{"k":1},"priority":3}"#
            )
            #expect(answer.status == 201)
            #expect(answer.json["status"]?.string == "queued")
            #expect(answer.json["message"]?.string == "Job created and queued for processing")
            let id = try #require(answer.json["job_id"]?.string)
            #expect(answer.response.headers["Location"] == "/api/jobs/\(id)")
            let job = try await fixture.send("GET", "/api/jobs/\(id)").json
            #expect(job["params"]?["text"]?.string == "hello")
            #expect(job["tags"]?.elements.compactMap(\.string) == ["a", "b"])
            #expect(job["metadata"]?["k"]?.int == 1)
            #expect(job["priority"]?.int == 3)
            #expect(job["created_at"]?.string == answer.json["created_at"]?.string)
        }
    }

    @Test func `a submission is answered only when it is committed`() async throws {
        try await JobQueueFixture.run { fixture in
            let answered = Promise<Void>()
            let submitting = try await fixture.pool.withTransaction { transaction in
                // No event can be written, so nothing can be committed.
                try transaction.execute("LOCK TABLE shared.events IN EXCLUSIVE MODE")
                let submitting = Task {
                    let id = try await fixture.submit()
                    answered.succeed(())
                    return id
                }
                let waiting: SQL = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                while try transaction.query(waiting)[0].decode(0, as: Int.self) == 0 { await Task.yield() }
                // Long enough for an answer that waits for nothing.
                await #expect(throws: DeadlineExceeded.self) {
                    try await withDeadline(.milliseconds(300), for: "an answer") { try await answered.value() }
                }
                return submitting
            }
            let id = try await submitting.value
            #expect(try await fixture.job(id)["status"]?.string == "queued")
        }
    }

    @Test func `params survive exactly, whatever they hold`() async throws {
        try await JobQueueFixture.run { fixture in
            let params =
                #"{"n":null,"big":9007199254740993,"neg":-0.5,"s":"\u0000 \" \\ é 😀","deep":[[[{"a":[]}]]],"empty":{}}"#
            let id = try await fixture.submit("{\"params\":\(params)}")
            let sent = try JSONDocument(parsing: params).root.raw
            #expect(try await fixture.job(id)["params"]?.raw == sent)
        }
    }

    @Test func `the same key and body give the first answer again`() async throws {
        try await JobQueueFixture.run { fixture in
            let body = #"{"params":{"n":1}}"#
            let first = try await fixture.send("POST", "/api/jobs", body, headers: [("Idempotency-Key", "k-1")])
            let again = try await fixture.send("POST", "/api/jobs", body, headers: [("Idempotency-Key", "k-1")])
            #expect(first.status == 201)
            #expect(again.status == 201)
            #expect(again.response.body == first.response.body)
            #expect(first.response.headers["Idempotency-Replayed"] == nil)
            #expect(again.response.headers["Idempotency-Replayed"] == "true")
            let other = try await fixture.send(
                "POST",
                "/api/jobs",
                #"{"params":{"n":2}}"#,
                headers: [("Idempotency-Key", "k-1")]
            )
            #expect(other.status == 422)
            #expect(other.code == "IDEMPOTENCY_KEY_REUSED")
            #expect(try await fixture.pool.query("SELECT count(*) FROM jobs.jobs")[0].decode(0, as: Int.self) == 1)
        }
    }

    @Test func `one key used by fifty at once makes one job`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await fixture
                            .send("POST", "/api/jobs", #"{"params":{}}"#, headers: [("Idempotency-Key", "same")])
                            .json["job_id"]?
                            .string
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(ids).count == 1)
            #expect(ids.first != .some(nil))
            #expect(try await fixture.pool.query("SELECT count(*) FROM jobs.jobs")[0].decode(0, as: Int.self) == 1)
            #expect(try await fixture.pool.query("SELECT count(*) FROM shared.events")[0].decode(0, as: Int.self) == 1)
        }
    }

    @Test func `a batch is stored whole or not at all`() async throws {
        try await JobQueueFixture.run { fixture in
            let good = #"{"params":{}}"#
            let all = try await fixture.send("POST", "/api/jobs/batch", "{\"jobs\":[\(good),\(good),\(good)]}")
            #expect(all.status == 201)
            #expect(all.json["items"]?.elements.compactMap { $0["job_id"]?.string }.count == 3)
            let unknownCard = #"{"params":{},"card_id":"019ca8ba-0000-7000-8000-000000000001"}"#
            let none = try await fixture.send("POST", "/api/jobs/batch", "{\"jobs\":[\(good),\(unknownCard)]}")
            #expect(none.status == 400)
            #expect(none.pointers == ["/jobs/1"])
            let some = try await fixture.send(
                "POST",
                "/api/jobs/batch",
                "{\"atomic\":false,\"jobs\":[\(good),\(unknownCard)]}"
            )
            #expect(some.status == 201)
            #expect(some.json["items"]?.elements.compactMap { $0["code"]?.string } == ["CARD_NOT_FOUND"])
            #expect(try await fixture.pool.query("SELECT count(*) FROM jobs.jobs")[0].decode(0, as: Int.self) == 4)
        }
    }

    @Test func `a thousand submissions at once are all stored and all different`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = try await withThrowingTaskGroup(of: JobID.self) { group in
                for _ in 0..<1000 { group.addTask { try await fixture.submit() } }
                return try await group.reduce(into: Set<JobID>()) { $0.insert($1) }
            }
            #expect(ids.count == 1000)
            #expect(try await fixture.pool.query("SELECT count(*) FROM jobs.ready")[0].decode(0, as: Int.self) == 1000)
        }
    }

    @Test func `an ended job can be run again, as a new one that names it`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{"n":1},"tags":["x"]}"#)
            #expect(try await fixture.send("POST", "/api/jobs/\(id)/retry").code == "INVALID_TRANSITION")
            _ = try await fixture.send("POST", "/api/jobs/\(id)/cancel")
            let again = try await fixture.send("POST", "/api/jobs/\(id)/retry")
            #expect(again.status == 201)
            #expect(again.json["retry_of"]?.string == id.description)
            #expect(again.json["params"]?["n"]?.int == 1)
            #expect(try await fixture.job(id)["status"]?.string == "cancelled")
        }
    }

    @Test func `lists are paged in a total order and filtered`() async throws {
        try await JobQueueFixture.run { fixture in
            var ids: [String] = []
            for n in 0..<7 {
                ids.append(try await fixture.submit("{\"params\":{},\"queue\":\"q\(n % 2)\"}").description)
            }
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await fixture.send("GET", "/api/jobs?limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
                    .json
                seen += page["items"]?.elements.compactMap { $0["job_id"]?.string } ?? []
                cursor = page["next_cursor"]?.string
            } while cursor != nil
            #expect(seen == ids.reversed())
            let odd = try await fixture.send("GET", "/api/jobs?queue=q1&status=queued,processing").json
            #expect(odd["items"]?.elements.map { $0 }.count == 3)
            #expect(
                try await fixture.send("GET", "/api/jobs?status=completed").json["items"]?.elements.map { $0 }.count
                    == 0
            )
        }
    }
}
