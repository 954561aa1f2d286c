import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// So many in so long. Time is moved by moving what the database remembers.
@Suite(.timeLimit(.minutes(1))) struct RateTests {
    private static func pass(_ seconds: Int, _ fixture: JobQueueFixture) async throws {
        try await fixture.pool.execute(
            "UPDATE jobs.rates SET arrives_at = arrives_at - make_interval(secs => \(Double(seconds)))"
        )
    }

    @Test(arguments: [("", 3), (#","burst":1"#, 1), (#","burst":5"#, 5)])
    func `a rate lets its burst through, then one in each interval`(burst: String, atOnce: Int) async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("api", #"{"rate":{"count":3,"per_ms":60000\#(burst)}}"#)
            try await fixture.submit("api", each: Array(repeating: "", count: 30))
            let worker = try await fixture.worker()
            let first = try await fixture.take(worker)
            #expect(first.count == atOnce)
            // A slot that is given back is no start that did not happen.
            for lease in first { try await fixture.finish(lease) }
            #expect(try await fixture.take(worker).isEmpty)
            try await Self.pass(19, fixture)
            #expect(try await fixture.take(worker).isEmpty)
            try await Self.pass(1, fixture)
            #expect(try await fixture.take(worker).count == 1)
            try await Self.pass(20, fixture)
            #expect(try await fixture.take(worker).count == 1)
            // What is not used is kept up to the burst.
            try await Self.pass(3600, fixture)
            #expect(try await fixture.take(worker).count == atOnce)
            #expect(try await fixture.take(worker).isEmpty)
        }
    }

    @Test func `each key has a rate of its own, within the queue's`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit(
                "api",
                #"{"per_key_concurrency":10,"per_key_rate":{"count":2,"per_ms":60000},"rate":{"count":5,"per_ms":60000}}"#
            )
            try await fixture.submit("api", each: (0..<30).map { #","concurrency_key":"k\#($0 % 3)""# })
            let worker = try await fixture.worker()
            #expect(try await fixture.take(worker).count == 5)
            try await Self.pass(12, fixture)
            // The queue has room for one, and one key of three has used only one of its two.
            #expect(try await fixture.take(worker).count == 1)
            let lanes = try await fixture.pool.query("SELECT lane, count(*) FROM jobs.leases GROUP BY lane")
            #expect(try lanes.map { try $0.decode(1, as: Int.self) } == [2, 2, 2])
        }
    }

    @Test func `who waits is woken when the rate allows it`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("api", #"{"rate":{"count":10,"per_ms":3000,"burst":1}}"#)
            try await fixture.submit("api", each: ["", "", ""])
            let worker = try await fixture.worker()
            let start = ContinuousClock.now
            for _ in 0..<3 {
                #expect(try await fixture.queue.dispatcher.acquire(worker, limit: 3, wait: .seconds(20)).count == 1)
            }
            let took = ContinuousClock.now - start
            #expect(took >= .milliseconds(590))
            #expect(took < .seconds(4))
        }
    }

    @Test func `many claimers together stay within the rate`() async throws {
        try await JobQueueFixture.run { fixture in
            try await fixture.limit("api", #"{"rate":{"count":7,"per_ms":3600000}}"#)
            try await fixture.submit("api", each: Array(repeating: "", count: 50))
            let leases = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await fixture.take(try await fixture.worker(), 2).count }
                }
                return try await group.reduce(0, +)
            }
            #expect(leases == 7)
        }
    }
}
