import Contracts
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// Jobs of an ordering key run in the order in which they came, whatever becomes of each.
@Suite(.timeLimit(.minutes(2))) struct OrderTests {
    private static func ordered(_ key: String) -> String { #","ordering_key":"\#(key)""# }

    @Test func `under twenty workers and failures each key keeps its order, one at a time`() async throws {
        try await JobQueueFixture.run { fixture in
            let (keys, each) = (5, 16)
            let members = (0..<keys * each).map { Self.ordered("k\($0 % keys)") + #","max_attempts":50"# }
            let ids = try await fixture.submit("default", each: members)
            let place = Dictionary(uniqueKeysWithValues: zip(ids, 0...))
            let ended = SharedValue<[[JobID]]>(Array(repeating: [], count: keys))
            let running = SharedValue<[Int]>(Array(repeating: 0, count: keys))
            let offences = SharedValue(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let worker = try await fixture.worker()
                        var tries = number
                        while ended.withLock({ $0.joined().count < keys * each }) {
                            let leases = try await fixture.queue.dispatcher.acquire(
                                worker,
                                limit: 2,
                                wait: .milliseconds(100)
                            )
                            for lease in leases {
                                let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
                                let line = (place[lease.jobID] ?? 0) % keys
                                let others = running.withLock { counts in
                                    counts[line] += 1
                                    return counts[line] - 1
                                }
                                if others > 0 { offences.withLock { $0 += 1 } }
                                _ = try await fixture.queue.dispatcher.start(key)
                                tries += 1
                                let fails = tries % 3 == 0
                                if !fails { ended.withLock { $0[line].append(lease.jobID) } }
                                running.withLock { $0[line] -= 1 }
                                if fails {
                                    let failure = Failure(key: key, code: "BROKEN", message: "")
                                    #expect(try await fixture.queue.dispatcher.fail(failure) == .ok)
                                } else {
                                    #expect(try await fixture.queue.dispatcher.complete(Completion(key: key)) == .ok)
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(offences.withLock { $0 } == 0)
            for line in 0..<keys {
                let order = ended.withLock { $0[line] }.compactMap { place[$0] }
                #expect(order == Array(stride(from: line, to: keys * each, by: keys)))
            }
            #expect(try await fixture.count("SELECT count(*) FROM jobs.jobs WHERE status = 'completed'") == 80)
        }
    }

    @Test func `a retry, a later time and a parent hold the line; cancelling releases it`() async throws {
        try await JobQueueFixture.run(["RETRY_INITIAL_MS": "3600000", "RETRY_CAP_MS": "3600000"]) { fixture in
            let ids = try await fixture.submit(
                "default",
                each: [
                    Self.ordered("a"), Self.ordered("a") + #","delay_ms":3600000"#, Self.ordered("a"),
                    Self.ordered("a") + #","priority":1000"#,
                ]
            )
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            #expect(key.jobID == ids[0])
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.fail(
                Failure(key: key, code: "BROKEN", message: "", retryAfter: .seconds(3600))
            )
            for id in ids.dropFirst() { #expect(try await fixture.job(id)["status"]?.string == "blocked") }
            // One in the middle goes, and the line closes.
            #expect(try await fixture.send("POST", "/api/jobs/\(ids[2])/cancel").status == 200)
            #expect(try await fixture.send("POST", "/api/jobs/\(ids[0])/cancel").status == 200)
            try await fixture.wait(for: ids[1], toBe: .scheduled)
            #expect(try await fixture.job(ids[3])["status"]?.string == "blocked")
            #expect(try await fixture.take(worker).isEmpty)
            #expect(try await fixture.send("POST", "/api/jobs/\(ids[1])/cancel").status == 200)
            #expect(try await fixture.lease(worker).jobID == ids[3])
        }
    }

    @Test func `a job that fails for good lets the next one go`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = try await fixture.submit("default", each: [Self.ordered("a"), Self.ordered("a")])
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.fail(Failure(key: key, code: "BAD", message: "", isRetryable: false))
            #expect(try await fixture.lease(worker).jobID == ids[1])
        }
    }

    @Test func `keys of other queues and projects are other lines, and each line is short in the end`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = IdentifierSource()
            for queue in ["x", "y"] {
                for _ in 0..<2 { try await fixture.submit(queue, of: ids.next(), count: 2, members: Self.ordered("a")) }
            }
            let worker = try await fixture.worker()
            var leases: [Lease] = []
            while leases.count < 4 {
                leases += try await fixture.queue.dispatcher.acquire(worker, limit: 10, wait: .milliseconds(100))
            }
            #expect(Set(leases.map { "\($0.queue) \($0.projectID?.description ?? "")" }).count == 4)
            for lease in leases { try await fixture.finish(lease) }
            for _ in 0..<4 {
                let lease = try #require(
                    try await fixture.queue.dispatcher.acquire(worker, limit: 1, wait: .seconds(20)).first
                )
                try await fixture.finish(lease)
            }
            try await eventually { try await fixture.count("SELECT count(*) FROM jobs.ordered") <= 0 }
        }
    }
}
