import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Why a job is not running, in each place where it can be.
@Suite(.timeLimit(.minutes(1))) struct ReasonTests {
    private static func why(_ id: JobID, _ fixture: JobQueueFixture) async throws -> JSONElement {
        let answer = try await fixture.send("GET", "/api/jobs/\(id)/why")
        #expect(answer.status == 200)
        return answer.json
    }

    private static func code(_ id: JobID, _ fixture: JobQueueFixture) async throws -> String? {
        try await why(id, fixture)["code"]?.string
    }

    @Test func `what is missing for a queued job is named`() async throws {
        try await JobQueueFixture.run { fixture in
            let id = try await fixture.submit(#"{"kind":"paint","queue":"blue","params":{}}"#)
            var answer = try await ReasonTests.why(id, fixture)
            #expect(answer["code"]?.string == "NO_WORKER")
            #expect(answer["reasons"]?.elements.map { $0 }.first?["missing"]?.string == "kind")
            #expect(answer["message"]?.string == "no live worker takes jobs of kind paint")

            func register(_ queues: [String]?, _ project: ProjectID?, capacity: Int = 1) async throws -> Worker {
                let worker = Worker(
                    id: IdentifierSource().next(),
                    name: "painter",
                    kinds: ["paint"],
                    queues: queues,
                    capacity: capacity,
                    project: project
                )
                let statement = WorkerStatements.register(worker, inProcess: false, lease: .seconds(60))
                _ = try await fixture.pool.execute(statement)
                return worker
            }
            _ = try await register(["red"], nil)
            #expect(
                try await ReasonTests.why(id, fixture)["reasons"]?.elements.map { $0 }.first?["missing"]?.string
                    == "queue"
            )
            _ = try await register(nil, IdentifierSource().next())
            #expect(
                try await ReasonTests.why(id, fixture)["reasons"]?.elements.map { $0 }.first?["missing"]?.string
                    == "project"
            )
            let worker = try await register(["blue"], nil)
            _ = try await fixture.pool.execute("UPDATE jobs.workers SET draining = true WHERE id = \(worker.id)")
            #expect(
                try await ReasonTests.why(id, fixture)["reasons"]?.elements.map { $0 }.first?["missing"]?.string
                    == "worker"
            )
            _ = try await fixture.pool.execute("UPDATE jobs.workers SET draining = false WHERE id = \(worker.id)")

            answer = try await ReasonTests.why(id, fixture)
            #expect(answer["code"]?.string == "IN_LINE")
            #expect(answer["message"]?.string == "it is the next of its kind")
            #expect(answer["eta"]?.string != nil)
            let second = try await fixture.submit(#"{"kind":"paint","queue":"blue","params":{}}"#)
            let urgent = try await fixture.submit(#"{"kind":"paint","queue":"blue","params":{},"priority":9}"#)
            #expect(
                try await ReasonTests.why(second, fixture)["reasons"]?.elements.map { $0 }.first?["ahead"]?.int == 2
            )
            #expect(
                try await ReasonTests.why(urgent, fixture)["reasons"]?.elements.map { $0 }.first?["ahead"]?.int == 0
            )

            let key = try await fixture.lease(worker)
            #expect(key.jobID == urgent)
            answer = try await ReasonTests.why(urgent, fixture)
            #expect(answer["code"]?.string == "LEASED")
            #expect(answer["reasons"]?.elements.map { $0 }.first?["worker"]?.string == "painter")
            answer = try await ReasonTests.why(id, fixture)
            #expect(answer["code"]?.string == "WORKERS_FULL")
            _ = try await fixture.queue.dispatcher.start(key)
            answer = try await ReasonTests.why(urgent, fixture)
            #expect(answer["code"]?.string == "RUNNING")
            #expect(answer["reasons"]?.elements.map { $0 }.first?["times_out_at"]?.string != nil)
            _ = try await fixture.queue.dispatcher.progress(Progress(key: key, phase: .awaitingProvider))
            #expect(try await ReasonTests.code(urgent, fixture) == "AWAITING_PROVIDER")
            // Its session is over, and nobody has looked yet.
            try await fixture.pool.withTransaction { transaction in
                _ = try transaction.query("SELECT FROM jobs.workers WHERE id = \(worker.id) FOR UPDATE")
                _ = try transaction.execute("UPDATE jobs.workers SET expires_at = now() - interval '1 minute'")
                let facts = try JobFacts(
                    try Job(try transaction.query(JobStatements.find(urgent, project: nil))[0]),
                    try transaction.query(ReasonStatements.facts(urgent))[0]
                )
                let reasons = LeaseReasons().reasons(for: facts, in: transaction)
                #expect(reasons.map(\.code) == [.workerSilent, .awaitingProvider])
            }
        }
    }

    @Test func `the pace of a kind says when a job's turn comes`() async throws {
        try await JobQueueFixture.run { fixture in
            _ = try await fixture.worker(["slow"])
            _ = try await fixture.submit(#"{"kind":"slow","params":{}}"#)
            let id = try await fixture.submit(#"{"kind":"slow","params":{}}"#)
            _ = try await fixture.pool.execute(
                "INSERT INTO jobs.starts (kind, minute, count) VALUES ('slow', now() - interval '5 minutes', 10)"
            )
            let answer = try await ReasonTests.why(id, fixture)
            let eta = try #require(answer["eta"]?.string.flatMap { Timestamp($0) })
            // Ten in five minutes: the second of the line is begun in a minute.
            let wait = eta - WallClock.system.now()
            #expect(wait > .seconds(50) && wait < .seconds(70))
        }
    }

    @Test func `jobs that wait say for what, and since which error`() async throws {
        try await JobQueueFixture.run(["RETRY_INITIAL_MS": "3600000", "RETRY_CAP_MS": "3600000"]) { fixture in
            let later = try await fixture.submit(#"{"params":{},"run_at":"2099-01-01T00:00:00Z"}"#)
            var answer = try await ReasonTests.why(later, fixture)
            #expect(answer["code"]?.string == "SCHEDULED")
            #expect(answer["eta"]?.string == "2099-01-01T00:00:00.000Z")
            let child = try await fixture.submit(#"{"params":{},"depends_on":["\#(later)"]}"#)
            answer = try await ReasonTests.why(child, fixture)
            #expect(answer["code"]?.string == "BLOCKED")
            #expect(answer["message"]?.string == "it waits for job \(later), which is scheduled")
            #expect(
                answer["reasons"]?.elements.map { $0 }.first?["waits_for"]?.elements.compactMap(\.string) == [
                    "\(later)"
                ]
            )

            let worker = try await fixture.worker()
            func begin() async throws -> LeaseKey {
                _ = try await fixture.submit()
                let key = try await fixture.lease(worker)
                _ = try await fixture.queue.dispatcher.start(key)
                return key
            }
            let failing = try await begin()
            _ = try await fixture.queue.dispatcher.fail(Failure(key: failing, code: "BUSY", message: "too many"))
            answer = try await ReasonTests.why(failing.jobID, fixture)
            #expect(answer["code"]?.string == "RETRY_WAIT")
            #expect(answer["message"]?.string?.contains("attempt 1 of 3 failed with BUSY (too many)") == true)
            let snoozed = try await begin()
            _ = try await fixture.queue.dispatcher.snooze(Snooze(key: snoozed, delay: .seconds(60), reason: "night"))
            answer = try await ReasonTests.why(snoozed.jobID, fixture)
            #expect(answer["code"]?.string == "SNOOZED")
            #expect(answer["message"]?.string?.hasSuffix(": night") == true)
            let suspended = try await begin()
            _ = try await fixture.queue.dispatcher.suspend(Suspension(key: suspended, limit: .seconds(60)))
            #expect(try await ReasonTests.code(suspended.jobID, fixture) == "SUSPENDED")
        }
    }

    @Test func `ended jobs say how, and only to those who may see them`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            func begin(_ body: String = #"{"params":{},"max_attempts":1}"#) async throws -> LeaseKey {
                _ = try await fixture.submit(body)
                let key = try await fixture.lease(worker)
                _ = try await fixture.queue.dispatcher.start(key)
                return key
            }
            let done = try await begin()
            _ = try await fixture.queue.dispatcher.complete(Completion(key: done))
            #expect(try await ReasonTests.code(done.jobID, fixture) == "COMPLETED")
            let failed = try await begin()
            _ = try await fixture.queue.dispatcher.fail(Failure(key: failed, code: "X", message: "no"))
            let answer = try await ReasonTests.why(failed.jobID, fixture)
            #expect(answer["code"]?.string == "FAILED")
            #expect(answer["message"]?.string?.hasSuffix("with X: no") == true)
            let cancelled = try await fixture.submit()
            _ = try await fixture.send("POST", "/api/jobs/\(cancelled)/cancel")
            #expect(try await ReasonTests.code(cancelled, fixture) == "CANCELLED")
            let expired = try await fixture.submit(#"{"params":{},"deadline_at":"2020-01-01T00:00:00Z"}"#)
            try await fixture.wait(for: expired, toBe: .expired)
            #expect(try await ReasonTests.code(expired, fixture) == "EXPIRED")
            let poison = try await begin(#"{"params":{}}"#)
            _ = try await fixture.pool.execute("UPDATE jobs.jobs SET lease_deaths = 2 WHERE id = \(poison.jobID)")
            _ = try await fixture.pool.execute("UPDATE jobs.workers SET expires_at = now() - interval '1 second'")
            try await fixture.wait(for: poison.jobID, toBe: .failed)
            #expect(try await ReasonTests.code(poison.jobID, fixture) == "QUARANTINED")

            let body =
                #"{"name":"k","scopes":["jobs:read"],"project_id":"01890000-0000-7000-8000-00000000000a"}"#
            let token = try #require(try await fixture.send("POST", "/api/keys", body).json["token"]?.string)
            #expect(try await fixture.send("GET", "/api/jobs/\(done.jobID)/why", token: token).status == 404)
        }
    }
}
