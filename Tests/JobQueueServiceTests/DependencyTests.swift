import Contracts
import JSON
import Kernel
import Testing

@testable import JobQueueService

/// Jobs that wait for other jobs.
@Suite(.timeLimit(.minutes(2))) struct DependencyTests {
    private func child(of parents: [JobID], policy: String? = nil, more: String = "") -> String {
        let ids = parents.map { "\"\($0)\"" }.joined(separator: ",")
        let rule = policy.map { #","on_parent_failure":"\#($0)""# } ?? ""
        return #"{"params":{},"depends_on":[\#(ids)]\#(rule)\#(more)}"#
    }

    @Test func `a job runs after all that it depends on have completed`() async throws {
        try await JobQueueFixture.run { fixture in
            let dispatcher = fixture.queue.dispatcher
            let parents = [try await fixture.submit(), try await fixture.submit()]
            let answer = try await fixture.send("POST", "/api/jobs", child(of: parents))
            #expect(answer.status == 201)
            #expect(answer.json["status"]?.string == "blocked")
            #expect(answer.json["depends_on"]?.elements.map { $0.string }.count == 2)
            let id = try #require(answer.json["job_id"]?.string.flatMap { JobID($0) })
            let worker = try await fixture.worker()
            let first = try await fixture.lease(worker)
            let second = try await fixture.lease(worker)
            for key in [first, second] {
                #expect(try await fixture.job(id)["status"]?.string == "blocked")
                _ = try await dispatcher.start(key)
                #expect(try await dispatcher.complete(Completion(key: key)) == .ok)
            }
            #expect(try await fixture.lease(worker).jobID == id)
            #expect(try await fixture.history(id).statuses == ["blocked", "queued"])
        }
    }

    @Test func `a parent that ended before is no obstacle, and a later time still counts`() async throws {
        try await JobQueueFixture.run { fixture in
            let parent = try await fixture.submit()
            let worker = try await fixture.worker()
            let key = try await fixture.lease(worker)
            _ = try await fixture.queue.dispatcher.start(key)
            _ = try await fixture.queue.dispatcher.complete(Completion(key: key))
            let now = try await fixture.submit(child(of: [parent]))
            let later = try await fixture.submit(child(of: [parent], more: #","delay_ms":3600000"#))
            #expect(try await fixture.lease(worker).jobID == now)
            try await fixture.wait(for: later, toBe: .scheduled)
        }
    }

    @Test(arguments: [("fail", "failed"), ("skip", "cancelled"), ("run", "queued")])
    func `a parent that fails is answered as the child wants, all the way down`(
        _ policy: String,
        _ status: String
    ) async throws {
        try await JobQueueFixture.run { fixture in
            let parent = try await fixture.submit()
            let child = try await fixture.submit(child(of: [parent], policy: policy))
            let grandchild = try await fixture.submit(self.child(of: [child], policy: "fail"))
            #expect(try await fixture.send("POST", "/api/jobs/\(parent)/cancel").status == 200)
            try await fixture.wait(for: child, toBe: try #require(JobStatus(rawValue: status)))
            if status == "queued" {
                #expect(try await fixture.job(grandchild)["status"]?.string == "blocked")
            } else {
                #expect(try await fixture.job(child)["error_code"]?.string == "PARENT_FAILED")
                #expect(try await fixture.job(child)["error_message"]?.string?.contains("\(parent)") == true)
                try await fixture.wait(for: grandchild, toBe: .failed)
                #expect(try await fixture.history(grandchild).statuses == ["blocked", "failed"])
            }
        }
    }

    /// The end of a parent and the arrival of its child, at the same time, many times over.
    @Test func `no child is forgotten, however its arrival and its parent's end cross`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            let dispatcher = fixture.queue.dispatcher
            var children: [JobID] = []
            for _ in 0..<40 {
                let parent = try await fixture.submit()
                let key = try await fixture.lease(worker)
                #expect(key.jobID == parent)
                _ = try await dispatcher.start(key)
                async let ended = dispatcher.complete(Completion(key: key))
                async let child = fixture.submit(child(of: [parent], more: #","kind":"other""#))
                #expect(try await ended == .ok)
                children.append(try await child)
            }
            for child in children { try await fixture.wait(for: child, toBe: .queued) }
        }
    }

    @Test func `a job that depends on what is not there is refused`() async throws {
        try await JobQueueFixture.run { fixture in
            let stranger = try #require(JobID("01900000-0000-7000-8000-000000000000"))
            let answer = try await fixture.send("POST", "/api/jobs", child(of: [try await fixture.submit(), stranger]))
            #expect(answer.status == 400)
            #expect(answer.pointers == ["/depends_on/1"])
        }
    }

    @Test func `a blocked job can be cancelled and expires`() async throws {
        try await JobQueueFixture.run { fixture in
            let parent = try await fixture.submit()
            let cancelled = try await fixture.submit(child(of: [parent]))
            #expect(
                try await fixture.send("POST", "/api/jobs/\(cancelled)/cancel").json["status"]?.string == "cancelled"
            )
            let late = try await fixture.submit(child(of: [parent], more: #","deadline_at":"2020-01-01T00:00:00Z""#))
            try await fixture.wait(for: late, toBe: .expired)
        }
    }
}
