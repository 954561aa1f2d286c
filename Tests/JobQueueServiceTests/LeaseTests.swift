import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Invariants 2, 3, 4 and 9: one live lease, fences, one final status, gapless events, and no attempt lost to deploys.
@Suite(.timeLimit(.minutes(2))) struct LeaseTests {
    @Test func `a job goes from line to completion, one event a step`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            let dispatcher = fixture.queue.dispatcher
            #expect(key.jobID == id)
            #expect(try await dispatcher.start(key) == .ok)
            #expect(try await fixture.job(id)["status"]?.string == "processing")
            #expect(
                try await dispatcher.complete(Completion(key: key, resultURL: "/r", result: RawJSON("{\"a\":1}")))
                    == .ok
            )
            let job = try await fixture.job(id)
            #expect(job["status"]?.string == "completed")
            #expect(job["result_url"]?.string == "/r")
            #expect(job["result"]?["a"]?.int == 1)
            #expect(job["attempt"]?.int == 1)
            #expect(job["completed_at"]?.string != nil)
            let history = try await fixture.history(id)
            #expect(history.statuses == ["queued", "processing", "completed"])
            #expect(history.isGapless)
        }
    }

    @Test func `a verb may be repeated, and a stale fence changes nothing`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let worker = try await fixture.worker()
            let dispatcher = fixture.queue.dispatcher
            let first = try await fixture.lease(worker)
            #expect(try await dispatcher.complete(Completion(key: first)) == .notStarted)
            #expect(try await dispatcher.start(first) == .ok)
            #expect(try await dispatcher.start(first) == .ok)
            #expect(try await dispatcher.release(Release(key: first)) == .ok)
            #expect(try await dispatcher.release(Release(key: first)) == .ok)
            let second = try await fixture.lease(worker)
            #expect(second.fence > first.fence)
            for outcome in [
                try await dispatcher.start(first), try await dispatcher.complete(Completion(key: first)),
                try await dispatcher.fail(Failure(key: first, code: "X", message: "")),
                try await dispatcher.progress(Progress(key: first, fraction: 1)),
                try await dispatcher.snooze(Snooze(key: first, delay: .zero)),
                try await dispatcher.log([LogLines(key: first, lines: ["stale"])])[0],
            ] { #expect(outcome == .leaseLost) }
            #expect(try await dispatcher.start(second) == .ok)
            #expect(try await dispatcher.complete(Completion(key: second)) == .ok)
            #expect(try await dispatcher.complete(Completion(key: second)) == .ok)
            #expect(try await dispatcher.fail(Failure(key: second, code: "X", message: "")) == .leaseLost)
            #expect(try await fixture.job(id)["status"]?.string == "completed")
            let history = try await fixture.history(id)
            #expect(history.statuses == ["queued", "processing", "queued", "processing", "completed"])
            #expect(history.isGapless)
        }
    }

    @Test func `a hundred workers at once never share a job`() async throws {
        try await JobQueueFixture.run { fixture in
            for _ in 0..<20 { _ = try await fixture.submit() }
            let jobs = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let worker = try await fixture.worker()
                        return try await fixture.queue.dispatcher.acquire(worker, limit: 3, wait: .zero).map(\.jobID)
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(jobs.count == 20)
            #expect(Set(jobs).count == 20)
        }
    }

    @Test func `a failed attempt is tried again until its attempts are used up`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"max_attempts":3}"#)
            let worker = try await fixture.worker()
            for _ in 1...3 {
                let key = try await fixture.lease(worker)
                _ = try await fixture.queue.dispatcher.start(key)
                #expect(
                    try await fixture.queue.dispatcher.fail(Failure(key: key, code: "BROKEN", message: "it broke"))
                        == .ok
                )
            }
            let job = try await fixture.job(id)
            #expect(job["status"]?.string == "failed")
            #expect(job["attempt"]?.int == 3)
            #expect(job["error_code"]?.string == "BROKEN")
            #expect(job["error_message"]?.string == "it broke")
            #expect(try await fixture.history(id).isGapless)
        }
    }

    @Test func `a failure that no retry can mend is final at once`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let key = try await fixture.lease(try await fixture.worker())
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.fail(Failure(key: key, code: "BAD", message: "", isRetryable: false))
            #expect(try await fixture.job(id)["status"]?.string == "failed")
        }
    }

    @Test func `handing back costs no attempt, and the checkpoint reaches the next one`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"max_attempts":1}"#)
            let worker = try await fixture.worker()
            let unstarted = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.release(Release(key: unstarted))
            let started = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(started)
            _ = try await fixture.queue.dispatcher.release(Release(key: started, checkpoint: RawJSON("{\"frame\":7}")))
            let leases = try await fixture.queue.dispatcher.acquire(worker, limit: 1, wait: .seconds(20))
            let last = try #require(leases.first)
            #expect(last.checkpoint == RawJSON("{\"frame\":7}"))
            #expect(last.attempt == 0)
            #expect(try await fixture.job(id)["status"]?.string == "queued")
            // The unstarted lease left no trace in the history.
            #expect(try await fixture.history(id).statuses == ["queued", "processing", "queued"])
        }
    }

    @Test func `jobs of a dead worker come back: unstarted ones for free, started ones as another attempt`()
        async throws
    {
        try await JobQueueFixture.run(["LEASE_MS": "500"]) { fixture in
            let idle = try await fixture.submit(#"{"params":{},"max_attempts":1}"#)
            let doomed = try await fixture.worker()
            let unstarted = try await fixture.lease(doomed)
            let running = try await fixture.submit(#"{"params":{},"max_attempts":2,"kind":"other"}"#)
            let second = try await fixture.worker(["other"])
            let started = try await fixture.lease(second)
            #expect(try await fixture.queue.dispatcher.start(started) == .ok)
            // Nobody sends a heartbeat: both sessions expire by the database's clock, and the rescuer sees it.
            let heir = try await fixture.worker(["generate", "other"], capacity: 2)
            var rescued: [JobID: Int] = [:]
            while rescued.count < 2 {
                _ = try await fixture.pool.query(WorkerStatements.heartbeat([heir.id], lease: .seconds(60)))
                for lease in try await fixture.queue.dispatcher.acquire(heir, limit: 2, wait: .milliseconds(200)) {
                    rescued[lease.jobID] = lease.attempt
                }
            }
            #expect(rescued == [idle: 0, running: 1])
            #expect(try await fixture.queue.dispatcher.start(unstarted) == .leaseLost)
            #expect(try await fixture.queue.dispatcher.complete(Completion(key: started)) == .leaseLost)
            #expect(try await fixture.history(running).statuses == ["queued", "processing", "queued"])
        }
    }

    @Test func `an attempt that takes too long is ended, and its worker told`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"timeout_ms":100,"max_attempts":1}"#)
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            try await fixture.wait(for: id, toBe: .failed)
            #expect(try await fixture.job(id)["error_code"]?.string == "TIMEOUT")
            let revoked = try await fixture.pool.query(WorkerStatements.revokedLeases(worker.id)).map(LeaseKey.init)
            #expect(revoked == [key])
            #expect(try await fixture.queue.dispatcher.complete(Completion(key: key)) == .leaseLost)
        }
    }

    @Test func `cancelling ends a job wherever it is, once`() async throws {
        try await JobQueueFixture.run { fixture in
            let waiting = try await fixture.submit(#"{"params":{},"delay_ms":60000}"#)
            let queued = try await fixture.submit(#"{"params":{},"kind":"idle"}"#)
            let running = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            for id in [waiting, queued, running] {
                #expect(try await fixture.send("POST", "/api/jobs/\(id)/cancel").json["status"]?.string == "cancelled")
                #expect(try await fixture.send("POST", "/api/jobs/\(id)/cancel").status == 200)
                #expect(try await fixture.history(id).statuses.last == "cancelled")
                #expect(try await fixture.history(id).isGapless)
            }
            #expect(try await fixture.queue.dispatcher.complete(Completion(key: key)) == .leaseLost)
            #expect(try await fixture.job(running)["status"]?.string == "cancelled")
            let counts =
                try await fixture.pool
                .query("SELECT (SELECT count(*) FROM jobs.ready), (SELECT count(*) FROM jobs.scheduled)")[0]
            #expect(try counts.decode(0, as: Int.self) == 0)
            #expect(try counts.decode(1, as: Int.self) == 0)
            let revoked = try await fixture.pool.query(WorkerStatements.revokedLeases(worker.id)).map(LeaseKey.init)
            #expect(revoked == [key])
        }
    }

    @Test func `claims, cancellations and completions at the same time leave one final status each`() async throws {
        try await JobQueueFixture.run { fixture in
            var ids: [JobID] = []
            for _ in 0..<60 { ids.append(try await fixture.submit()) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let worker = try await fixture.worker()
                        while true {
                            let leases = try await fixture.queue.dispatcher.acquire(worker, limit: 3, wait: .zero)
                            if leases.isEmpty { return }
                            for lease in leases {
                                let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
                                if try await fixture.queue.dispatcher.start(key) == .ok {
                                    _ = try await fixture.queue.dispatcher.complete(Completion(key: key))
                                }
                            }
                        }
                    }
                }
                for id in ids where id.uuid.low % 2 == 0 {
                    group.addTask { _ = try await fixture.send("POST", "/api/jobs/\(id)/cancel") }
                }
                try await group.waitForAll()
            }
            // And what has ended stays as it ended.
            for id in ids { _ = try await fixture.send("POST", "/api/jobs/\(id)/cancel") }
            for id in ids {
                let history = try await fixture.history(id)
                let finals = history.statuses.filter { JobStatus(rawValue: $0)?.isFinal == true }
                #expect(finals.count == 1)
                #expect(history.statuses.last == finals.first)
                #expect(history.isGapless)
                #expect(try await fixture.job(id)["status"]?.string == finals.first)
            }
        }
    }

    @Test func `a job that is not done by its deadline expires`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"deadline_at":"2020-01-01T00:00:00Z"}"#)
            try await fixture.wait(for: id, toBe: .expired)
            #expect(try await fixture.history(id).statuses == ["queued", "expired"])
        }
    }

    @Test func `a scheduled job is put in line when its time has come`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"delay_ms":50}"#)
            let key = try await fixture.lease(try await fixture.worker())
            #expect(key.jobID == id)
            #expect(try await fixture.history(id).statuses == ["scheduled", "queued"])
        }
    }

    @Test func `higher priority goes first, then age`() async throws {
        try await JobQueueFixture.run { fixture in
            let low = try await fixture.submit(#"{"params":{},"priority":-1}"#)
            let first = try await fixture.submit()
            let second = try await fixture.submit()
            let high = try await fixture.submit(#"{"params":{},"priority":5,"kind":"other"}"#)
            let worker = try await fixture.worker(["generate", "other"])
            let leases = try await fixture.queue.dispatcher.acquire(worker, limit: 10, wait: .zero)
            var order: [JobID] = []
            for _ in leases { order = leases.map(\.jobID) }
            #expect(Set(order) == [high, first, second, low])
            let single = try await fixture.worker(["third"])
            #expect(try await fixture.queue.dispatcher.acquire(single, limit: 10, wait: .zero).isEmpty)
        }
    }

    @Test func `progress is kept, and its events are limited in rate`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit()
            let key = try await fixture.lease(try await fixture.worker())
            _ = try await fixture.queue.dispatcher.start(key)
            for step in 1...20 {
                let progress = Progress(key: key, fraction: Double(step) / 20, message: "step \(step)")
                #expect(try await fixture.queue.dispatcher.progress(progress) == .ok)
            }
            let job = try await fixture.job(id)
            #expect(job["progress"]?["fraction"]?.double == 1)
            #expect(job["progress"]?["message"]?.string == "step 20")
            let events: Int =
                try await fixture.pool
                .query(
                    "SELECT count(*) FROM shared.events WHERE subject = \(id) AND type = 'job.progress.updated'"
                )[0]
                .decode(0)
            #expect((1...5).contains(events))
        }
    }

    @Test func `a job whose attempt took too long is leased again before its worker has heard of it`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"params":{},"max_attempts":3}"#)
            let slow = try await fixture.worker()
            let first = try await fixture.lease(slow)
            _ = try await fixture.queue.dispatcher.start(first)
            _ = try await fixture.pool.execute("UPDATE jobs.leases SET times_out_at = now() WHERE job_id = \(id)")
            let heir = try await fixture.worker()
            let second = try await fixture.lease(heir)
            #expect(second.jobID == id)
            #expect(second.fence > first.fence)
            // The slow one is still to be told, and the heir loses nothing by that.
            let told = try await fixture.pool.query(WorkerStatements.revokedLeases(slow.id)).map(LeaseKey.init)
            #expect(told == [first])
            _ = try await fixture.queue.dispatcher.start(second)
            _ = try await fixture.pool.execute(WorkerStatements.forgetRevoked(slow.id, told))
            #expect(try await fixture.pool.query(WorkerStatements.revokedLeases(slow.id)).map(LeaseKey.init) == [])
            #expect(try await fixture.queue.dispatcher.complete(Completion(key: second)) == .ok)
        }
    }
}
