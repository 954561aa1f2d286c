import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import JobQueueService

/// What holds a job back can be asked.
@Suite(.timeLimit(.minutes(1))) struct GateTests {
    private static func gates(_ id: JobID, _ fixture: JobQueueFixture) async throws -> [String] {
        try await fixture.pool.query(GateStatements.gates(of: id)).map { try $0.decode(0, as: String.self) }
    }

    @Test func `every limit that holds a job back is named, and no other`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            try await fixture.limit("q", #"{"concurrency":1}"#)
            let key = #","concurrency_key":"a""#
            let ids = try await fixture.submit("q", each: [key, key])
            #expect(try await Self.gates(ids[0], fixture) == [])
            #expect(try await fixture.take(worker).count == 1)
            #expect(try await Self.gates(ids[1], fixture) == ["QUEUE_CONCURRENCY", "KEY_CONCURRENCY"])
            try await fixture.limit("q", #"{"per_key_concurrency":2}"#)
            #expect(try await Self.gates(ids[1], fixture) == [])
            let rate = #"{"count":1,"per_ms":3600000}"#
            try await fixture.limit(
                "q",
                #"{"per_key_concurrency":5,"rate":\#(rate),"per_key_rate":\#(rate),"paused":true}"#
            )
            #expect(try await Self.gates(ids[1], fixture) == ["QUEUE_PAUSED"])
            _ = try await fixture.send("POST", "/api/queues/q/resume")
            #expect(try await fixture.take(worker).count == 1)
            let late = try await fixture.submit("q", each: [key])[0]
            #expect(try await Self.gates(late, fixture) == ["QUEUE_RATE", "KEY_RATE"])
            let wait = try await fixture.pool.query(GateStatements.gates(of: late))[0].decode(3, as: Double.self)
            #expect((3500...3600).contains(wait))
            let why = try await fixture.send("GET", "/api/jobs/\(late)/why").json
            #expect(why["code"]?.string == "QUEUE_RATE")
            #expect(why["message"]?.string == "the queue starts 1 jobs in 3600000 ms")
            #expect(why["eta"]?.string != nil)
        }
    }

    @Test func `a job in line behind another of its key names it`() async throws {
        try await JobQueueFixture.run { fixture in
            let ids = try await fixture.submit("q", each: Array(repeating: #","ordering_key":"a""#, count: 3))
            _ = try await fixture.lease(try await fixture.worker())
            let row = try await fixture.pool.query(GateStatements.gates(of: ids[2]))[0]
            #expect(try row.decode(0, as: String.self) == "ORDERING_KEY")
            #expect(try row.decode(2, as: JobID.self) == ids[1])
            #expect(try await Self.gates(ids[0], fixture) == [])
            let why = try await fixture.send("GET", "/api/jobs/\(ids[2])/why").json
            #expect(why["reasons"]?.elements.compactMap { $0["code"]?.string } == ["ORDERING_KEY"])
            let waits = why["reasons"]?.elements.flatMap { $0["waits_for"]?.elements.compactMap(\.string) ?? [] }
            #expect(waits == [ids[1].description])
        }
    }
}
