import Concurrency
import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import TestSupport
import Testing

@testable import AgentService

/// What becomes of the jobs of a run that ends before them.
@Suite(.timeLimit(.minutes(1))) struct RunCancellationTests {
    /// A run that waits for a job, or has just asked for it.
    private struct Scene: Sendable {
        let agent: AgentFixture
        let queue: ScriptedJobQueue
        let job: JobID
        let run: RunID
        /// Where the job is cancelled.
        var cancellation: String { "/api/jobs/\(job)/cancel" }

        /// How often the job queue was told to cancel it.
        var cancellations: Int { queue.seen.count { $0.path == cancellation } }

        /// Cancellations that are still to be made.
        func noted() async throws -> Int {
            try await agent.pool.query("SELECT count(*) FROM agent.job_cancellations")[0].decode(0)
        }

        func cancel() async throws {
            #expect(try await agent.send("POST", "/api/runs/\(run)/cancel").status == 200)
            #expect(try await agent.ended(run)["status"]?.string == "cancelled")
        }
    }

    private func stage(
        _ settings: String = #""approval":"none""#,
        isOld: Bool = false,
        script: @escaping ScriptedJobQueue.Script = { _, _ in nil },
        _ body: @escaping @Sendable (Scene) async throws -> Void
    ) async throws {
        let job: JobID = IdentifierSource().next()
        try await ScriptedJobQueue.run(201, #"{"job_id":"\#(job)","status":"queued"}"#, script: script) { queue, url in
            let place = Lock<CardID?>(nil)
            let model = ScriptedModel { _, request in
                guard request.choice != .none, let card = place.withLock({ $0 }) else { return .says("In vain.") }
                return .calls(("submit_job", #"{"id":"\#(card)","kind":"image","params":{}}"#))
            }
            let environment = ["AGENT_MODEL": "script/model", "AGENT_RUN_LEASE_MS": "1000", "JOB_QUEUE_URL": url]
            try await AgentFixture.run(environment, models: model.catalog()) { agent in
                let (project, card) = try await agent.card()
                place.withLock { $0 = card }
                try await agent.openJob(job, card: card, project: project, isOld: isOld)
                let run = try await agent.say("Paint it.", in: try await agent.thread(in: project), settings)
                try await body(Scene(agent: agent, queue: queue, job: job, run: run))
            }
        }
    }

    @Test func `a cancelled run ends at once, and its job is cancelled when the job queue is back`() async throws {
        let isAway = Promise<Void>()
        try await stage { number, path in
            guard path.hasSuffix("/cancel"), number < 2 else { return nil }
            do { if number == 0 { try await isAway.value() } } catch { return 500 }
            return 503
        } _: { scene in
            _ = try await scene.agent.run(scene.run, is: [.waiting])
            // Nobody has answered yet.
            try await scene.cancel()
            #expect(try await scene.noted() == 1)
            isAway.succeed(())
            try await eventually("it is cancelled") { try await scene.noted() == 0 }
            #expect(scene.cancellations == 3)
        }
    }

    @Test func `a submission that the wish to end has cut off is found again, and its job cancelled`() async throws {
        let answers = [Promise<Void>(), Promise<Void>()]
        try await stage { number, path in
            guard path == "/api/jobs", number < 2 else { return nil }
            do { try await answers[number].value() } catch { return 500 }
            return nil
        } _: { scene in
            try await eventually("it is submitted") { scene.queue.seen.count == 1 }
            #expect(try await scene.agent.send("POST", "/api/runs/\(scene.run)/cancel").status == 200)
            try await eventually("it is submitted again") { scene.queue.seen.count == 2 }
            // Not cut off again, though the wish is found at every renewal of the lease.
            var leases: Set<Timestamp> = []
            try await eventually("the lease is renewed") {
                let lease: SQL = "SELECT leased_until FROM agent.threads WHERE leased_until IS NOT NULL"
                for row in try await scene.agent.pool.query(lease) { leases.insert(try row.decode(0)) }
                return leases.count > 3
            }
            for answer in answers { answer.succeed(()) }
            #expect(try await scene.agent.ended(scene.run)["status"]?.string == "cancelled")
            try await eventually("its job is cancelled") { scene.cancellations == 1 }
            let submissions = scene.queue.seen.filter { $0.path == "/api/jobs" }
            #expect(submissions.count == 2 && Set(submissions.map(\.key)) == ["\(submissions[0].key ?? "")"])
        }
    }

    @Test func `a run whose time is over leaves its job to its card`() async throws {
        try await stage(#""approval":"none","limits":{"wall_ms":1500}"#) { scene in
            let run = try await scene.agent.ended(scene.run)
            #expect(run["limit_reached"]?.string == "wall_time")
            #expect(try await scene.noted() == 0)
            #expect(scene.cancellations == 0)
        }
    }

    @Test func `a job that was there before its run asked for it is left alone`() async throws {
        try await stage(isOld: true) { scene in
            _ = try await scene.agent.run(scene.run, is: [.waiting])
            try await scene.cancel()
            #expect(try await scene.noted() == 0)
            #expect(scene.cancellations == 0)
        }
    }

    @Test func `a job that has ended by itself is not cancelled any more`() async throws {
        try await stage { scene in
            _ = try await scene.agent.run(scene.run, is: [.waiting])
            let ended: SQL = "UPDATE jobs.jobs SET status = 'completed', completed_at = now() WHERE id = \(scene.job)"
            try await scene.agent.pool.withTransaction { transaction in
                try transaction.execute(JobCancellationStatements.note(jobsOf: scene.run))
                try transaction.execute(ended)
                #expect(try transaction.query(JobCancellationStatements.take(atMost: 1, for: .seconds(1))).isEmpty)
                #expect(try transaction.query("SELECT FROM agent.job_cancellations").isEmpty)
                #expect(try transaction.execute(JobCancellationStatements.note(jobsOf: scene.run)) == 0)
            }
        }
    }
}

extension AgentFixture {
    /// Stores a job as the job queue would before anybody has begun with it: when it is asked for, or long before.
    fileprivate func openJob(_ job: JobID, card: CardID, project: ProjectID, isOld: Bool) async throws {
        try await completedJob(job, card: card, project: project, result: nil, url: nil)
        // Nobody has asked for it yet.
        let age = isOld ? Duration.seconds(3600) : .seconds(-60)
        try await pool.execute(
            """
            UPDATE jobs.jobs
            SET status = 'queued', phase = 'waiting', completed_at = NULL, created_at = now() - \(age)
            WHERE id = \(job)
            """
        )
    }
}
