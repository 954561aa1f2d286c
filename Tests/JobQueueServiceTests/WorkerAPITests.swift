import Contracts
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// The worker API over HTTP, as a worker in any language uses it.
@Suite(.timeLimit(.minutes(2))) struct WorkerAPITests {
    @Test func `a worker registers, leases, reports, stores a file and completes`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{"text":"hi"}}"#)
            let session = try await fixture.send(
                "POST",
                "/api/workers",
                #"{"name":"w","kinds":["generate"],"capacity":2}"#
            )
            #expect(session.status == 201)
            let worker = try #require(session.json["worker_id"]?.string)
            #expect((session.json["heartbeat_ms"]?.int ?? 0) > 0)
            let acquired = try await fixture.send(
                "POST",
                "/api/workers/\(worker)/acquire",
                #"{"max":10,"wait_ms":20000}"#
            )
            let lease = try #require(acquired.json["leases"]?.elements.first { _ in true })
            #expect(lease["job_id"]?.string == id.description)
            #expect(lease["params"]?["text"]?.string == "hi")
            let fence = try #require(lease["fence"]?.int)
            let item = "{\"job_id\":\"\(id)\",\"fence\":\(fence)"
            func verb(_ name: String, _ more: String = "") async throws -> String? {
                try await fixture.send("POST", "/api/workers/\(worker)/\(name)", "{\"items\":[\(item)\(more)}]}")
                    .json["items"]?
                    .elements.first { _ in true }?["status"]?
                    .string
            }
            #expect(try await verb("start") == "ok")
            #expect(try await verb("progress", #","fraction":0.5,"message":"half""#) == "ok")
            #expect(try await verb("log", #","lines":["one","two"]"#) == "ok")
            #expect(try await fixture.job(id)["progress"]?["fraction"]?.double == 0.5)
            let beat = try await fixture.send("POST", "/api/workers/\(worker)/heartbeat", "{}")
            #expect(beat.json["command"]?.string == "continue")
            #expect(beat.json["cancel"]?.elements.map { $0 }.isEmpty == true)

            let stored = try await fixture.send(
                "PUT",
                "/api/workers/\(worker)/results/\(id)?fence=\(fence)",
                "0123456789",
                headers: [("Content-Type", "text/plain")]
            )
            #expect(stored.status == 201)
            let url = try #require(stored.json["result_url"]?.string)
            #expect(stored.json["bytes"]?.int == 10)
            let stale = try await fixture.send(
                "PUT",
                "/api/workers/\(worker)/results/\(id)?fence=\(fence - 1)",
                "x",
                headers: [("Content-Type", "text/plain")]
            )
            #expect(stale.code == "LEASE_LOST")

            #expect(try await verb("complete", ",\"result_url\":\"\(url)\"") == "ok")
            #expect(try await verb("complete", ",\"result_url\":\"\(url)\"") == "ok")
            #expect(try await verb("fail", #","code":"X","message":"late""#) == "LEASE_LOST")
            #expect(try await fixture.job(id)["result_url"]?.string == url)
            let logs = try await fixture.send("GET", "/api/jobs/\(id)/logs").json
            #expect(logs["items"]?.elements.compactMap { $0["line"]?.string } == ["one", "two"])
        }
    }

    @Test func `result files are served whole, in part, and not again to those who have them`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            let stored = try await fixture.send(
                "PUT",
                "/api/workers/\(worker.id)/results/\(id)?fence=\(key.fence)",
                "0123456789",
                headers: [("Content-Type", "text/x-test")]
            )
            let url = try #require(stored.json["result_url"]?.string)
            func get(_ headers: [(String, String)] = []) async throws -> ClientResponse {
                try await fixture.fetch(url, headers: headers)
            }
            let whole = try await get()
            #expect(whole.status == 200)
            #expect(whole.text == "0123456789")
            #expect(whole.headers["Content-Type"] == "text/x-test")
            #expect(whole.headers["Accept-Ranges"] == "bytes")
            #expect(whole.headers["X-Content-Type-Options"] == "nosniff")
            let tag = try #require(whole.headers["ETag"])
            let part = try await get([("Range", "bytes=2-4")])
            #expect(part.status == 206)
            #expect(part.text == "234")
            #expect(part.headers["Content-Range"] == "bytes 2-4/10")
            #expect(try await get([("Range", "bytes=-3")]).text == "789")
            #expect(try await get([("Range", "bytes=8-")]).text == "89")
            #expect(try await get([("Range", "bytes=20-")]).status == 416)
            #expect(try await get([("Range", "lines=1-2")]).status == 200)
            #expect(try await get([("Range", "bytes=0-1"), ("If-Range", "\"other\"")]).status == 200)
            #expect(try await get([("If-None-Match", tag)]).status == 304)
        }
    }

    @Test(
        arguments: [
            (nil, ByteRange.whole), ("bytes=0-0", .part(0..<1)), ("bytes=0-99", .part(0..<10)),
            ("bytes=9-", .part(9..<10)),
            ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=-99", .part(0..<10)),
            ("bytes=5-4", .whole),
            ("bytes=", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=+1-2", .whole),
            ("bytes=0-1,3-4", .whole),
            ("bytes=99999999999999999999-", .whole),
        ] as [(String?, ByteRange)]
    )
    func `ranges are read as RFC 9110 says`(header: String?, expected: ByteRange) {
        #expect(ByteRange(header, size: 10) == expected)
    }

    @Test func `an empty file has no satisfiable range`() { #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable) }

    @Test func `a waiting worker is woken by the job that comes`() async throws {
        try await JobQueueFixture.run { fixture in
            let session = try await fixture.send("POST", "/api/workers", #"{"name":"w","kinds":["generate"]}"#)
            let worker = try #require(session.json["worker_id"]?.string)
            async let acquired = fixture.send("POST", "/api/workers/\(worker)/acquire", #"{"wait_ms":9000}"#)
            let id = try await fixture.submit()
            #expect(
                try await acquired.json["leases"]?.elements.first { _ in true }?["job_id"]?.string == id.description
            )
        }
    }

    @Test func `a worker never holds more than its capacity`() async throws {
        try await JobQueueFixture.run { fixture in
            for _ in 0..<5 { _ = try await fixture.submit() }
            let session = try await fixture.send(
                "POST",
                "/api/workers",
                #"{"name":"w","kinds":["generate"],"capacity":3}"#
            )
            let worker = try #require(session.json["worker_id"]?.string)
            func acquire() async throws -> Int {
                try await fixture.send("POST", "/api/workers/\(worker)/acquire", #"{"max":10}"#).json["leases"]?
                    .elements.map { $0 }.count ?? 0
            }
            #expect(try await acquire() == 3)
            #expect(try await acquire() == 0)
        }
    }

    @Test func `who goes away while waiting takes no job along`() async throws {
        try await JobQueueFixture.run { fixture in
            let dispatcher = fixture.queue.dispatcher
            let worker = try await fixture.worker()
            for turn in 0..<60 {
                let leaving = Task { try await dispatcher.acquire(worker, limit: 1, wait: .seconds(30)) }
                let id = try await fixture.submit()
                for _ in 0..<turn { await Task.yield() }
                leaving.cancel()
                let left = (try? await leaving.value) ?? []
                // Either it was given the job before it left, or somebody else gets it.
                let leases = left.isEmpty ? try await dispatcher.acquire(worker, limit: 1, wait: .seconds(30)) : left
                #expect(leases.map(\.jobID) == [id])
            }
        }
    }

    @Test func `closing a session hands its jobs back without an attempt`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"max_attempts":1}"#)
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            #expect(try await fixture.send("DELETE", "/api/workers/\(worker.id)").status == 204)
            let job = try await fixture.job(id)
            #expect(job["status"]?.string == "queued")
            #expect(job["phase"]?.string == "interrupted")
            #expect(job["attempt"]?.int == 0)
            #expect(
                try await fixture.send("POST", "/api/workers/\(worker.id)/heartbeat", "{}").code == "WORKER_NOT_FOUND"
            )
        }
    }

    @Test func `the heartbeat tells of jobs that went on without the worker, until it has stopped them`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.send("POST", "/api/jobs/\(id)/cancel")
            func beat(_ body: String) async throws -> Int {
                try await fixture.send("POST", "/api/workers/\(worker.id)/heartbeat", body).json["cancel"]?.elements
                    .map { $0 }.count ?? -1
            }
            #expect(try await beat("{}") == 1)
            #expect(try await beat("{\"stopped\":[{\"job_id\":\"\(id)\",\"fence\":\(key.fence)}]}") == 0)
        }
    }

    @Test func `the published description holds every route and the schemas that are checked`() async throws {
        try await JobQueueFixture.run { fixture in
            let page = try await fixture.send("GET", "/openapi.json", token: nil).json
            #expect(page["openapi"]?.string == "3.1.0")
            let paths = Set(page["paths"]?.members.map(\.name) ?? [])
            #expect(
                paths.isSuperset(of: [
                    "/api/jobs", "/api/jobs/batch", "/api/jobs/{id}/cancel", "/api/workers/{id}/acquire", "/health",
                    "/openapi.json",
                ])
            )
            let schema = page["paths"]?["/api/jobs"]?["post"]?["requestBody"]?["content"]?["application/json"]?[
                "schema"
            ]
            #expect(schema?.raw == RawJSON(JSONWriter.bytes { $0.value(JobSubmission.schema) }))
        }
    }
}
