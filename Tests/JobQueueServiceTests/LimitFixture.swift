import Concurrency
import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

extension JobQueueFixture {
    /// Sets the limits of a queue.
    func limit(_ queue: String, _ limits: String) async throws {
        let answer = try await send("PUT", "/api/queues/\(queue)", limits)
        try #require(answer.status == 200)
    }

    /// Submits jobs of a queue in one batch, in the order of their members.
    @discardableResult
    func submit(_ queue: String, each members: [String]) async throws -> [JobID] {
        let jobs = members.map { #"{"params":{},"queue":"\#(queue)"\#($0)}"# }
        let answer = try await send("POST", "/api/jobs/batch", #"{"jobs":[\#(jobs.joined(separator: ","))]}"#)
        try #require(answer.status == 201)
        return answer.json["items"]?.elements.compactMap { $0["job_id"]?.string.flatMap { JobID($0) } } ?? []
    }

    /// Submits jobs of a project.
    func submit(_ queue: String, of project: ProjectID, count: Int, members: String = "") async throws {
        for _ in 0..<count {
            let body = try JSONDocument(parsing: #"{"params":{},"queue":"\#(queue)"\#(members)}"#).root
            _ = try await self.queue.intake.submit(JobSubmission(body, project: project), caller: "test", trace: "")
        }
    }

    /// Leases what there is.
    func take(_ worker: Worker, _ limit: Int = 100) async throws -> [Lease] {
        try await queue.dispatcher.acquire(worker, limit: limit, wait: .zero)
    }

    /// Starts and completes a leased job.
    func finish(_ lease: Lease) async throws {
        let key = LeaseKey(jobID: lease.jobID, fence: lease.fence)
        #expect(try await queue.dispatcher.start(key) == .ok)
        #expect(try await queue.dispatcher.complete(Completion(key: key)) == .ok)
    }

    func count(_ statement: SQL) async throws -> Int { try await pool.query(statement)[0].decode(0) }
}

/// A value that the tasks of a test share.
final class SharedValue<Value: Sendable>: Sendable {
    private let value: Lock<Value>
    init(_ value: Value) { self.value = Lock(value) }

    func withLock<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows -> sending Result {
        try value.withLock(body)
    }
}
