import Contracts
import Foundation
import HTTPClient
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// Ended jobs go when their time is over, with all that is theirs and nothing that is not.
@Suite(.timeLimit(.minutes(2))) struct RetentionTests {
    /// Runs a remover until `body` returns.
    private static func removing(
        _ fixture: JobQueueFixture,
        _ periods: RetentionPeriods,
        while body: () async throws -> Void
    ) async throws {
        var remover = JobRemover(
            pool: fixture.pool,
            results: fixture.queue.results,
            defaults: periods,
            logger: .silent,
            metrics: Metrics()
        )
        remover.rest = .milliseconds(10)
        remover.fileGrace = .zero
        remover.pageSize = 3
        let stop = StopSignal()
        let running = Task { [remover] in try await remover.run(until: stop) }
        try await body()
        stop.raise()
        try await running.value
    }

    /// No other remover has the lead then.
    private static func dismissRemover(_ fixture: JobQueueFixture) async throws {
        _ = try await fixture.pool.execute("UPDATE shared.leases SET expires_at = now() WHERE name = 'job remover'")
    }

    private static func count(_ fixture: JobQueueFixture, _ table: String) async throws -> Int {
        try #require(try await fixture.pool.query("SELECT count(*) FROM \(unchecked: table)").first?.decode(0))
    }

    private static func complete(_ id: JobID, _ worker: Worker, _ fixture: JobQueueFixture, file: String? = nil)
        async throws
    {
        let key = try await fixture.lease(worker)
        #expect(key.jobID == id)
        _ = try await fixture.queue.dispatcher.start(key)
        var url: String?
        if let file {
            let chunks = AsyncStream { continuation in
                continuation.yield(Array(file.utf8))
                continuation.finish()
            }
            url = try await fixture.queue.results.store(chunks, mediaType: "text/plain", for: id).url
        }
        _ = try await fixture.queue.dispatcher.log([LogLines(key: key, lines: ["line"])])
        #expect(try await fixture.queue.dispatcher.complete(Completion(key: key, resultURL: url)) == .ok)
    }

    @Test func `ended jobs go with their files and logs when their outcome's time is over, and counts stay exact`()
        async throws
    {
        try await JobQueueFixture.run(["COMPLETED_RETENTION_DAYS": "0", "CANCELLED_RETENTION_DAYS": "0"]) { fixture in
            try await StatsTests.waitForBase(fixture.pool)
            let worker = try await fixture.worker()
            var completed: [JobID] = []
            for text in ["shared", "shared", "alone", "kept"] {
                let id = try await fixture.submit(
                    #"{"params":{},"deadline_at":"2099-01-01T00:00:00Z","queue":"\#(text == "kept" ? "kept" : "default")"}"#
                )
                try await RetentionTests.complete(id, worker, fixture, file: text == "kept" ? "shared" : text)
                completed.append(id)
            }
            let cancelled = try await fixture.submit()
            _ = try await fixture.send("POST", "/api/jobs/\(cancelled)/cancel")
            let open = try await fixture.submit()
            let put = try await fixture.send("PUT", "/api/queues/kept/retention", #"{"completed_ms":0}"#)
            #expect(put.json["completed_ms"]?.int == 0)
            #expect(put.json["failed_ms"]?.int == 30 * 86_400_000)
            #expect(put.json["own"]?["failed_ms"]?.isNull == true)

            try await RetentionTests.dismissRemover(fixture)
            try await RetentionTests.removing(fixture, RetentionPeriods([.completed: 1, .cancelled: 0])) {
                try await eventually { try await RetentionTests.count(fixture, "jobs.jobs") <= 3 }
                try await eventually { try await RetentionTests.count(fixture, "jobs.loose_files") <= 0 }
            }
            for id in completed.dropLast() { #expect(try await fixture.send("GET", "/api/jobs/\(id)").status == 404) }
            for id in [completed[3], cancelled, open] {
                #expect(try await fixture.send("GET", "/api/jobs/\(id)").status == 200)
            }
            #expect(try await RetentionTests.count(fixture, "jobs.logs") == 1)
            #expect(try await RetentionTests.count(fixture, "jobs.files") == 1)
            #expect(try await RetentionTests.count(fixture, "jobs.deadlines") == 1)
            // The content that a kept job has yielded too is still there; the other's file is gone.
            let url = try #require(try await fixture.job(completed[3])["result_url"]?.string)
            #expect(try await fixture.fetch(url).text == "shared")
            let folder = "/tmp/martlet-tests/" + (try await RetentionTests.database(fixture))
            let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
            #expect(files.filter { $0.utf8.count > 60 }.count == 1)
            let (counts, truth) = try await StatsTests.compare(fixture.pool)
            #expect(counts == truth)
            try await StatsTests.waitUntilFolded(fixture.pool)
            let folded = try await StatsTests.compare(fixture.pool)
            #expect(folded.counts == folded.truth)
        }
    }

    private static func database(_ fixture: JobQueueFixture) async throws -> String {
        try #require(try await fixture.pool.query("SELECT current_database()::text").first?.decode(0))
    }

    @Test func `what others rely on stays until they do no more`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            // Each of these has ended, and is kept by something else.
            let unique = try await fixture.submit(#"{"params":{},"unique":{"key":"k","scope":"forever"}}"#)
            try await RetentionTests.complete(unique, worker, fixture)
            let asset = try await fixture.submit()
            try await RetentionTests.complete(asset, worker, fixture)
            _ = try await fixture.pool.execute(
                """
                WITH project AS (
                    INSERT INTO agent.projects (id, title) VALUES (gen_random_uuid(), 'p') RETURNING id
                )
                INSERT INTO agent.assets (id, project_id, job_id, url)
                SELECT gen_random_uuid(), id, \(asset), '/x' FROM project
                """
            )
            let parent = try await fixture.submit()
            let other = try await fixture.submit(#"{"params":{},"delay_ms":3600000}"#)
            let child = try await fixture.submit(#"{"params":{},"depends_on":["\#(parent)","\#(other)"]}"#)
            try await RetentionTests.complete(parent, worker, fixture)
            let failed = try await fixture.submit(#"{"params":{},"max_attempts":1}"#)
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.fail(Failure(key: key, code: "X", message: "x"))
            let again = try await fixture.send("POST", "/api/jobs/\(failed)/retry")
            let retry = try #require(again.json["job_id"]?.string.flatMap { JobID($0) })
            try await RetentionTests.complete(retry, worker, fixture)
            let plain = try await fixture.submit()
            try await RetentionTests.complete(plain, worker, fixture)

            try await RetentionTests.dismissRemover(fixture)
            try await RetentionTests.removing(fixture, RetentionPeriods([.completed: 1, .failed: 0])) {
                try await eventually { try await fixture.send("GET", "/api/jobs/\(plain)").status != 200 }
            }
            for id in [unique, asset, parent, retry] {
                #expect(try await fixture.send("GET", "/api/jobs/\(id)").status == 200)
            }
            let second = try await fixture.send(
                "POST",
                "/api/jobs",
                #"{"params":{},"unique":{"key":"k","scope":"forever"}}"#
            )
            #expect(second.json["job_id"]?.string == "\(unique)")
            let bulk = try await fixture.send("POST", "/api/jobs/retry", #"{"filter":{"queue":"default"}}"#)
            #expect(bulk.json["changed"]?.int == 0)

            _ = try await fixture.pool.execute("DELETE FROM agent.projects")
            _ = try await fixture.send("POST", "/api/jobs/\(child)/cancel")
            try await RetentionTests.removing(fixture, RetentionPeriods([.completed: 1, .failed: 1])) {
                try await eventually { try await fixture.send("GET", "/api/jobs/\(parent)").status != 200 }
                try await eventually { try await fixture.send("GET", "/api/jobs/\(asset)").status != 200 }
                try await eventually { try await fixture.send("GET", "/api/jobs/\(failed)").status != 200 }
            }
            #expect(try await fixture.send("GET", "/api/jobs/\(unique)").status == 200)
        }
    }

    @Test func `a queue's rule is for callers who see all projects`() async throws {
        try await JobQueueFixture.run { fixture in
            let body =
                #"{"name":"k","scopes":["jobs:manage"],"project_id":"01890000-0000-7000-8000-00000000000a"}"#
            let token = try #require(try await fixture.send("POST", "/api/keys", body).json["token"]?.string)
            let refused = try await fixture.send("PUT", "/api/queues/q/retention", "{}", token: token)
            #expect(refused.status == 403)
            let wrong = try await fixture.send("PUT", "/api/queues/q/retention", #"{"completed_ms":-1}"#)
            #expect(wrong.pointers == ["/completed_ms"])
            #expect(try await fixture.send("GET", "/api/queues/q/retention").json["completed_ms"]?.int == 604_800_000)
        }
    }
}
