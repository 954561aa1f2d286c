import Contracts
import JSON
import Kernel
import Testing

@testable import JobQueueService

/// Many jobs at once: cancelled, run again, or following from another.
@Suite(.timeLimit(.minutes(2))) struct BulkTests {
    private func fail(_ count: Int, _ fixture: JobQueueFixture) async throws -> [JobID] {
        let worker = try await fixture.worker(["broken"])
        var ids: [JobID] = []
        for _ in 0..<count { ids.append(try await fixture.submit(#"{"params":{},"kind":"broken"}"#)) }
        for _ in ids {
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            let failure = Failure(key: key, code: "X", message: "no", isRetryable: false)
            #expect(try await fixture.queue.dispatcher.fail(failure) == .ok)
        }
        return ids
    }

    @Test func `a bulk cancellation says what it would do, and does it to what the filter finds`() async throws {
        try await JobQueueFixture.run { fixture in
            for _ in 0..<5 { _ = try await fixture.submit(#"{"params":{},"queue":"a"}"#) }
            let other = try await fixture.submit(#"{"params":{},"queue":"b"}"#)
            let filter = #""filter":{"queue":"a"}"#
            let preview = try await fixture.send("POST", "/api/jobs/cancel", "{\(filter),\"dry_run\":true}")
            #expect(preview.status == 200)
            #expect(preview.json["matched"]?.int == 5)
            #expect(preview.json["changed"]?.int == 0)
            #expect(try await fixture.send("POST", "/api/jobs/cancel", "{\(filter)}").json["changed"]?.int == 5)
            #expect(try await fixture.send("POST", "/api/jobs/cancel", "{\(filter)}").json["matched"]?.int == 0)
            #expect(try await fixture.job(other)["status"]?.string == "queued")
        }
    }

    @Test func `failed jobs are run again once, however often it is asked`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = try await fail(4, fixture)
            let request = #"{"filter":{"kind":"broken"}}"#
            async let first = fixture.send("POST", "/api/jobs/retry", request)
            async let second = fixture.send("POST", "/api/jobs/retry", request)
            let changed = [try await first, try await second].map { $0.json["changed"]?.int ?? -1 }
            #expect(changed.reduce(0, +) == 4)
            let again = try await fixture.send("GET", "/api/jobs?kind=broken&status=queued").json["items"]
            let origins = again?.elements.compactMap { $0["retry_of"]?.string } ?? []
            #expect(Set(origins) == Set(ids.map(\.description)))
            #expect(origins.count == 4)
        }
    }

    @Test func `an empty filter and open jobs are refused`() async throws {
        try await JobQueueFixture.run { fixture in
            for (path, body, pointer) in [
                ("cancel", #"{"filter":{}}"#, "/filter"), ("retry", #"{"filter":{"tag":null}}"#, "/filter"),
                ("retry", #"{"filter":{"status":["queued"]}}"#, "/filter/status"), ("cancel", "{}", "/filter"),
                ("cancel", #"{"filter":{"queu":"a"}}"#, "/filter/queu"),
            ] {
                let answer = try await fixture.send("POST", "/api/jobs/\(path)", body)
                #expect(answer.status == 400)
                #expect(answer.pointers == [pointer])
            }
        }
    }

    @Test func `jobs that follow are stored with the completion, or neither is`() async throws {
        try await JobQueueFixture.run { fixture in
            let parent = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            let path = "/api/workers/\(worker.id)/complete"
            let item = #"{"items":[{"job_id":"\#(parent)","fence":\#(key.fence),"jobs":[\#("JOBS")]}]}"#
            func complete(_ jobs: String) async throws -> JobQueueFixture.Answer {
                try await fixture.send("POST", path, item.replacing("JOBS", with: jobs))
            }
            let refused = try await complete(
                #"{"params":{},"kind":"next"},{"params":{},"unique":{"key":"k","scope":"window"}}"#
            )
            #expect(refused.status == 400)
            #expect(try await fixture.job(parent)["status"]?.string == "processing")
            let jobs = #"{"params":{"n":1},"kind":"next"},{"params":{"n":2},"kind":"next"}"#
            for _ in 0..<2 {
                let outcomes = try await complete(jobs).json["items"]?.elements.compactMap { $0["status"]?.string }
                #expect(outcomes == ["ok"])
            }
            #expect(try await fixture.job(parent)["status"]?.string == "completed")
            let next = try await fixture.send("GET", "/api/jobs?kind=next").json["items"]?.elements.map { $0 }
            #expect(next?.count == 2)
        }
    }
}
