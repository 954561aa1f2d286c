import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Projects share a queue's worker time.
@Suite(.timeLimit(.minutes(2))) struct FairShareTests {
    /// Leases jobs one at a time and lets each take as long as its project's jobs take; how many each project had.
    private static func serve(
        _ fixture: JobQueueFixture,
        _ count: Int,
        seconds: @Sendable (ProjectID?) -> Int
    ) async throws -> [ProjectID?: Int] {
        let worker = try await fixture.worker()
        var served: [ProjectID?: Int] = [:]
        for _ in 0..<count {
            guard let lease = try await fixture.take(worker, 1).first else { break }
            let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
            _ = try await fixture.queue.dispatcher.start(key)
            try await fixture.pool.execute(
                """
                UPDATE jobs.leases SET started_at = started_at - make_interval(secs => \(Double(seconds(lease.projectID))))
                WHERE job_id = \(lease.jobID)
                """
            )
            _ = try await fixture.queue.dispatcher.complete(Completion(key: key))
            served[lease.projectID, default: 0] += 1
        }
        return served
    }

    @Test func `worker time is shared by weight, whoever came first`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            let (heavy, light): (ProjectID, ProjectID) = (ids.next(), ids.next())
            try await fixture.limit("shared", #"{"fair_share":true,"project_weights":{"\#(heavy)":3}}"#)
            try await fixture.submit("shared", of: light, count: 60)
            try await fixture.submit("shared", of: heavy, count: 60)
            let served = try await Self.serve(fixture, 60) { _ in 10 }
            #expect((41...49).contains(served[heavy] ?? 0))
            #expect((served[heavy] ?? 0) + (served[light] ?? 0) == 60)
        }
    }

    @Test func `it is time that is shared, not jobs`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            let (slow, quick): (ProjectID, ProjectID) = (ids.next(), ids.next())
            try await fixture.limit("shared", #"{"fair_share":true}"#)
            try await fixture.submit("shared", of: slow, count: 60)
            try await fixture.submit("shared", of: quick, count: 60)
            let served = try await Self.serve(fixture, 60) { $0 == slow ? 40 : 10 }
            // One to four.
            #expect((9...16).contains(served[slow] ?? 0))
        }
    }

    @Test func `ten thousand jobs of a project do not delay ten of another, and a rest is no credit`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            let (big, small): (ProjectID, ProjectID) = (ids.next(), ids.next())
            try await fixture.limit("shared", #"{"fair_share":true}"#)
            try await fixture.submit("shared", of: small, count: 1)
            try await fixture.submit("shared", of: big, count: 1)
            // Ten thousand more of the same, without asking ten thousand times.
            try await fixture.pool.execute(
                """
                WITH added AS (
                    INSERT INTO jobs.jobs (id, project_id, kind, queue, status, phase, seq, max_attempts, priority, run_at,
                        timeout_ms, params, metadata, tags, submitted_by, created_at)
                    SELECT gen_random_uuid(), project_id, kind, queue, status, phase, seq, max_attempts, priority, run_at,
                        timeout_ms, params, metadata, tags, submitted_by, created_at
                    FROM jobs.jobs CROSS JOIN generate_series(1, 10000) WHERE project_id = \(big)
                    RETURNING id, kind, queue, project_id, priority
                )
                INSERT INTO jobs.ready (job_id, kind, queue, project_id, priority, lane)
                SELECT id, kind, queue, project_id, priority, jobs.lane(project_id, NULL) FROM added
                """
            )
            _ = try await Self.serve(fixture, 30) { _ in 10 }
            try await fixture.submit("shared", of: small, count: 10)
            let served = try await Self.serve(fixture, 24) { _ in 10 }
            #expect(served[small] == 10)
            // It rested for thirty jobs, and still had one in two, not all.
            #expect((served[big] ?? 0) == 14)
            let first = try await fixture.pool.query(
                "SELECT jobs.lane_project(lane) FROM jobs.ready WHERE lane IS NOT NULL LIMIT 1"
            )
            #expect(try first.first?.decode(0, as: String.self) == big.description)
        }
    }

    @Test func `running jobs count before they end`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            let (first, second): (ProjectID, ProjectID) = (ids.next(), ids.next())
            try await fixture.limit("shared", #"{"fair_share":true,"concurrency":8}"#)
            try await fixture.submit("shared", of: first, count: 20)
            try await fixture.submit("shared", of: second, count: 20)
            let leases = try await fixture.take(try await fixture.worker())
            #expect(leases.count { $0.projectID == first } == 4)
            #expect(leases.count { $0.projectID == second } == 4)
        }
    }
}
