import JSON
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

@Suite(.timeLimit(.minutes(1))) struct EchoProviderTests {
    @Test func `each job of many is answered once, with its own params`() async throws {
        try await JobQueueFixture.run(providers: [("echo", EchoProvider(concurrency: 20))]) { fixture in
            let jobs = (0..<300).map { #"{"kind":"echo","params":{"number":\#($0)}}"# }.joined(separator: ",")
            #expect(try await fixture.send("POST", "/api/jobs/batch", #"{"jobs":[\#(jobs)]}"#).status == 201)
            try await eventually("all are completed") {
                try await fixture.pool.query("SELECT FROM jobs.jobs WHERE status <> 'completed'").isEmpty
            }
            let right = try await fixture.pool.query(
                "SELECT FROM jobs.jobs WHERE result->>'number' = params->>'number' AND seq = 3 AND attempt = 1"
            )
            #expect(right.count == 300)
        }
    }
}
