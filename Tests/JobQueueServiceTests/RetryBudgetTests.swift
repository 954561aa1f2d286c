import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// Retries of a dependency are bounded for all its jobs together, and put off beyond, never refused.
@Suite(.timeLimit(.minutes(1))) struct RetryBudgetTests {
    private static let environment = ["RETRY_BUDGET_PER_SECOND": "1", "RETRY_BUDGET_PERCENT": "100"]

    @Test func `beyond the budget retries are put off one by one, and say why`() async throws {
        try await JobQueueFixture.run(Self.environment) { fixture in
            let label = #","dependency":"gpu-cloud","max_attempts":5"#
            let ids = try await fixture.submit("default", each: Array(repeating: label, count: 30))
            let free = try await fixture.submit("default", each: [""])[0]
            let worker = try await fixture.worker()
            let leases = try await fixture.take(worker)
            #expect(leases.count == 31)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lease in leases {
                    group.addTask {
                        let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
                        _ = try await fixture.queue.dispatcher.start(key)
                        let failure = Failure(key: key, code: "DOWN", message: "")
                        #expect(try await fixture.queue.dispatcher.fail(failure) == .ok)
                    }
                }
                try await group.waitForAll()
            }
            let late =
                try await fixture.pool
                .query(
                    """
                    SELECT extract(epoch FROM max(run_at) - min(run_at))::double precision, count(*), min(wait_reason)
                    FROM jobs.jobs
                    WHERE wait_reason IS NOT NULL AND status = 'scheduled' AND phase = 'retry_wait' AND id = ANY(\(ids))
                    """
                )[0]
            // Ten seconds' worth were there; first tries may have brought some more, once a second.
            let count: Int = try late.decode(1)
            #expect((15...20).contains(count))
            #expect(abs(try late.decode(0, as: Double.self) - Double(count - 1)) < 2.5)
            #expect(try late.decode(2, as: String.self) == "the retries that gpu-cloud may have are used up")
            try await fixture.wait(for: free, toBe: .queued)
        }
    }

    @Test func `first tries bring their share, and no more is kept than ten seconds bring`() async throws {
        try await JobQueueFixture.run(Self.environment) { fixture in
            let budget = RetryBudget(ratio: 0.5, perSecond: 1)
            let tokens: SQL = "SELECT tokens FROM jobs.retry_budgets WHERE dependency = 'a'"
            try await fixture.pool.execute(
                "INSERT INTO jobs.retry_budgets VALUES ('a', -20, now() + interval '1 hour')"
            )
            // Time does not count when it stands still.
            try await fixture.pool.execute("UPDATE jobs.retry_budgets SET counted_at = clock_timestamp()")
            _ = try await fixture.pool.execute(RetryBudgetStatements.deposit(["a": 10], budget))
            let after: Double = try await fixture.pool.query(tokens)[0].decode(0)
            #expect(abs(after + 15) < 1)
            _ = try await fixture.pool.execute(RetryBudgetStatements.deposit(["a": 1000, "b": 1], budget))
            #expect(try await fixture.pool.query(tokens)[0].decode(0, as: Double.self) == 10)
        }
    }

    @Test func `a first try is counted when it starts`() async throws {
        try await JobQueueFixture.run(Self.environment) { fixture in
            try await fixture.submit("default", each: [#","dependency":"a""#])
            try await fixture.pool.execute("INSERT INTO jobs.retry_budgets VALUES ('a', -1000, now())")
            _ = try await fixture.queue.dispatcher.start(try await fixture.lease(try await fixture.worker()))
            while try await fixture.count("SELECT count(*) FROM jobs.retry_budgets WHERE tokens > -999.5") == 0 {
                await Task.yield()
            }
        }
    }
}
