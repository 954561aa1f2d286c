import Contracts
import JSON
import Postgres
import Testing

@testable import JobQueueService

/// Jobs that are set aside: by their own wish, until somebody says something, or for good.
@Suite(.timeLimit(.minutes(2))) struct SuspensionTests {
    @Test func `a suspended job holds no worker and no attempt, and goes on with what it was told`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let dispatcher = fixture.queue.dispatcher
            let key = try await fixture.lease(worker)
            _ = try await dispatcher.start(key)
            let wish = Suspension(
                key: key,
                limit: .seconds(3600),
                reason: "waits for a signature",
                checkpoint: RawJSON(#"{"page":3}"#)
            )
            #expect(try await dispatcher.suspend(wish) == .ok)
            #expect(try await dispatcher.suspend(wish) == .ok)
            let waiting = try await fixture.job(id)
            #expect(waiting["status"]?.string == "scheduled")
            #expect(waiting["phase"]?.string == "suspended")
            #expect(waiting["attempt"]?.int == 0)
            #expect(waiting["wait_reason"]?.string == "waits for a signature")
            let resumed = try await fixture.send("POST", "/api/jobs/\(id)/resume", #"{"data":{"signed":true}}"#)
            #expect(resumed.status == 200)
            #expect(resumed.json["status"]?.string == "queued")
            let lease = try #require(try await dispatcher.acquire(worker, limit: 1, wait: .seconds(20)).first)
            #expect(lease.resumeData.map { String(decoding: $0.bytes, as: UTF8.self) } == #"{"signed":true}"#)
            #expect(lease.checkpoint.map { String(decoding: $0.bytes, as: UTF8.self) } == #"{"page":3}"#)
            #expect(lease.attempt == 0)
            let history = try await fixture.history(id)
            #expect(history.statuses == ["queued", "processing", "scheduled", "queued"])
            #expect(history.isGapless)
        }
    }

    @Test func `what is said before the job is suspended counts, what was said to an earlier attempt does not`()
        async throws
    {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let dispatcher = fixture.queue.dispatcher
            let first = try await fixture.lease(worker)
            _ = try await dispatcher.start(first)
            #expect(try await fixture.send("POST", "/api/jobs/\(id)/resume", #"{"data":{"n":1}}"#).status == 200)
            #expect(try await dispatcher.suspend(Suspension(key: first, limit: .seconds(3600))) == .ok)
            let second = try await fixture.lease(worker)
            _ = try await dispatcher.start(second)
            #expect(try await dispatcher.suspend(Suspension(key: second, limit: .seconds(3600))) == .ok)
            #expect(try await fixture.job(id)["phase"]?.string == "suspended")
        }
    }

    @Test func `a suspended job goes on by itself when its time is over`() async throws {
        try await JobQueueFixture.run { fixture in
            _ = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.suspend(Suspension(key: key, limit: .milliseconds(20)))
            let lease = try #require(
                try await fixture.queue.dispatcher.acquire(worker, limit: 1, wait: .seconds(20)).first
            )
            #expect(lease.jobID == key.jobID)
            #expect(lease.resumeData == nil)
        }
    }

    @Test func `a job that does not wait cannot be resumed`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let answer = try await fixture.send("POST", "/api/jobs/\(id)/resume", "{}")
            #expect(answer.status == 409)
            #expect(answer.code == "INVALID_TRANSITION")
        }
    }

    @Test func `a job under which three workers died is quarantined, whatever attempts are left`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"max_attempts":50}"#)
            for death in 1...3 {
                let worker = try await fixture.worker()
                let key = try await fixture.lease(worker)
                _ = try await fixture.queue.dispatcher.start(key)
                _ = try await fixture.pool.execute(
                    "UPDATE jobs.workers SET expires_at = now() - interval '1 second' WHERE id = \(worker.id)"
                )
                try await fixture.wait(for: id, toBe: death < 3 ? .queued : .failed)
            }
            let job = try await fixture.job(id)
            #expect(job["phase"]?.string == "quarantined")
            #expect(job["error_code"]?.string == "QUARANTINED")
            #expect(try await fixture.send("POST", "/api/jobs/\(id)/retry").status == 201)
        }
    }

    @Test func `a snoozed job says why it waits`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            let path = "/api/workers/\(worker.id)"
            let item = #"{"job_id":"\#(id)","fence":\#(key.fence)"#
            _ = try await fixture.send("POST", path + "/start", #"{"items":[\#(item)}]}"#)
            let answer = try await fixture.send(
                "POST",
                path + "/snooze",
                #"{"items":[\#(item),"delay_ms":3600000,"reason":"the service is busy"}]}"#
            )
            #expect(answer.json["items"]?.elements.compactMap { $0["status"]?.string } == ["ok"])
            let job = try await fixture.job(id)
            #expect(job["phase"]?.string == "snoozed")
            #expect(job["wait_reason"]?.string == "the service is busy")
            #expect(job["attempt"]?.int == 0)
        }
    }

    @Test func `a place in time that a dead promotion left behind is no obstacle`() async throws {
        try await JobQueueFixture.run(duties: false) { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.pool.execute("INSERT INTO jobs.scheduled (job_id, run_at) VALUES (\(id), now())")
            #expect(try await fixture.queue.dispatcher.snooze(Snooze(key: key, delay: .seconds(3600))) == .ok)
            let waits: Bool =
                try await fixture.pool.query("SELECT run_at > now() + interval '1 min' FROM jobs.scheduled")[0]
                .decode(0)
            #expect(waits)
        }
    }
}
