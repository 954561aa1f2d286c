import Concurrency
import Contracts
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// Claims from the open line: those that begin the jobs too, those that look at more than they take, and those that
/// begin at the line's floor.
@Suite(.timeLimit(.minutes(2))) struct StartingClaimTests {
    @Test func `a job may be begun with its claim`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"timeout_ms":60000}"#)
            let worker = try await fixture.worker()
            let answer = try await fixture.send("POST", "/api/workers/\(worker.id)/acquire", #"{"start":true}"#)
            let lease = try #require(answer.json["leases"]?.elements.first { _ in true })
            #expect(lease["started"]?.bool == true)
            #expect(lease["attempt"]?.int == 1)
            let job = try await fixture.job(id)
            #expect(job["status"]?.string == "processing")
            #expect(job["attempt"]?.int == 1)
            let ending = try await fixture.pool.query(
                "SELECT FROM jobs.leases WHERE started_at = leased_at AND times_out_at = leased_at + interval '60 s'"
            )
            #expect(ending.count == 1)
            let key = LeaseKey(jobID: id, fence: Int64(try #require(lease["fence"]?.int)))
            // Who says so all the same is right.
            #expect(try await fixture.queue.dispatcher.start(key) == .ok)
            #expect(try await fixture.queue.dispatcher.complete(Completion(key: key)) == .ok)
            let history = try await fixture.history(id)
            #expect(history.statuses == ["queued", "processing", "completed"])
            #expect(history.isGapless)
        }
    }

    @Test func `what was begun with a claim and never heard of goes back at no attempt`() async throws {
        try await JobQueueFixture.run(["LEASE_MS": "60000"]) { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let leases = try await fixture.queue.dispatcher.acquire(worker, limit: 1, wait: .zero, starting: true)
            #expect(leases.map(\.isStarted) == [true])
            _ = try await fixture.pool.execute(
                "UPDATE jobs.leases SET leased_at = now() - interval '61 s', started_at = now() - interval '61 s'"
            )
            // A stream that ends says nothing about jobs that run.
            try await fixture.queue.dispatcher.handBackUnstarted(worker)
            #expect(try await fixture.job(id)["status"]?.string == "processing")
            let path = "/api/workers/\(worker.id)/heartbeat"
            #expect(try await fixture.send("POST", path, #"{"holding":[]}"#).status == 200)
            let job = try await fixture.job(id)
            #expect(job["status"]?.string == "queued")
            #expect(job["attempt"]?.int == 0)
            #expect(try await fixture.history(id).isGapless)
        }
    }

    @Test func `what a claim has looked at and not taken is offered to others again`() async throws {
        try await JobQueueFixture.run { fixture in
            for kind in ["a", "b"] { _ = try await fixture.submit(#"{"kind":"\#(kind)","params":{}}"#) }
            let other = try await fixture.worker(["b"])
            let waiter = ReadyBell.Waiter(WorkerFilter(other))
            fixture.queue.bell.enter(waiter)
            // Meanwhile it holds both, and who looks then sees none.
            let both = try await fixture.worker(["a", "b"])
            #expect(try await fixture.queue.dispatcher.acquire(both, limit: 1, wait: .zero).count == 1)
            #expect(try await waiter.wakeup.wait(atMost: .seconds(3)), "it waits for the lookout")
            fixture.queue.bell.leave(waiter)
        }
    }

    @Test func `a job whose transaction ends late is found below younger ones`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            let late = try await fixture.submit(#"{"params":{},"delay_ms":3600000}"#)
            try await fixture.pool.withTransaction { transaction in
                _ = try transaction.query("UPDATE jobs.scheduled SET run_at = now()")
                #expect(try transaction.query(JobStatements.promote(limit: 1)).count == 1)
                for _ in 0..<5 {
                    _ = try await fixture.submit()
                    #expect(try await fixture.queue.dispatcher.acquire(worker, limit: 1, wait: .zero).count == 1)
                    try await fixture.queue.floors.look()
                }
            }
            #expect(try await fixture.lease(worker).jobID == late)
        }
    }

    @Test func `what was taken is not looked at again`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            let jobs = Array(repeating: #"{"kind":"generate","params":{}}"#, count: 50).joined(separator: ",")
            #expect(try await fixture.send("POST", "/api/jobs/batch", #"{"jobs":[\#(jobs)]}"#).status == 201)
            #expect(try await fixture.queue.dispatcher.acquire(worker, limit: 50, wait: .zero).count == 50)
            try await eventually("the floor is behind the last") {
                try await fixture.queue.floors.look()
                return fixture.queue.floors.lines(of: ["generate"]).floors == [51]
            }
            _ = try await fixture.submit()
            _ = try await fixture.lease(worker)
        }
    }
}
