import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import AgentService

/// What threads promise when several write at once.
@Suite(.timeLimit(.minutes(2))) struct ThreadConcurrencyTests {
    private let ids = IdentifierSource()

    @Test func `of writers that know the same version one wins`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            for version in 1...10 {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<8 {
                        let id: CheckpointID = ids.next()
                        group.addTask { try await fixture.put(id, in: thread, ifMatch: version).status }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.sorted() == [200] + Array(repeating: 409, count: 7))
            }
            #expect(try await fixture.list(thread).count == 10)
            #expect(try await fixture.events(of: thread.uuid).map(\.seq) == Array(1...11))
        }
    }

    @Test func `versions have no gap and no double under many writers, and every event its checkpoint`() async throws {
        try await AgentFixture.run { fixture in
            var threads: [ThreadID] = []
            for _ in 0..<3 { threads.append(try await fixture.thread()) }
            let all = threads
            let versions = try await withThrowingTaskGroup(of: (ThreadID, Int?).self) { group in
                for number in 0..<150 {
                    let id: CheckpointID = ids.next()
                    let thread = all[number % 3]
                    // Some are of the same value, some are refused in the middle of a batch.
                    let values = #"{"v":"\#(String(repeating: "\(number % 7)", count: 100))"}"#
                    group.addTask {
                        (
                            thread,
                            try await fixture.put(
                                id,
                                in: thread,
                                values: values,
                                ifMatch: number % 10 == 9 ? 9_999 : nil
                            )
                            .version
                        )
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for thread in threads {
                #expect(versions.filter { $0.0 == thread }.compactMap(\.1).sorted() == Array(2...46))
                #expect(try await fixture.events(of: thread.uuid).map(\.seq) == Array(1...46))
                #expect(try await fixture.rows("agent.checkpoints", of: thread) == 45)
                #expect(try await fixture.rows("agent.thread_values", of: thread) == 7)
            }
        }
    }

    @Test func `the same checkpoint at the same time is stored once`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let id: CheckpointID = ids.next()
            let versions = try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<20 { group.addTask { try await fixture.put(id, in: thread, ifMatch: 1).version } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(versions == [2])
            #expect(try await fixture.events(of: thread.uuid).map(\.seq) == [1, 2])
        }
    }

    @Test func `one lease is given to many who ask, and after it the next`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            for fence in 1...5 {
                let fences = try await withThrowingTaskGroup(of: Int?.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            try await fixture.send("POST", "/api/threads/\(thread)/lease", "{}").json["fence"]?.int
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(fences.compactMap { $0 } == [fence])
                #expect(try await fixture.send("DELETE", "/api/threads/\(thread)/lease?fence=\(fence)").status == 204)
            }
        }
    }

    @Test(arguments: [true, false]) func `a checkpoint that is under way when its thread is deleted goes with it`(
        wholeProject: Bool
    ) async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let thread = try await fixture.thread(in: project)
            let path = wholeProject ? "/api/projects/\(project)" : "/api/threads/\(thread)"
            // Stores a checkpoint as the service does, and commits when the deletion waits for it.
            let deletion = try await fixture.pool.withTransaction { transaction in
                _ = try transaction.query(ThreadStatements.lock([thread]))
                let deletion = Task { try await fixture.send("DELETE", path).status }
                try await eventually("the deletion waits") {
                    try transaction.query("SELECT FROM pg_locks WHERE NOT granted").count > 0
                }
                try transaction.execute(
                    """
                    INSERT INTO agent.checkpoints (
                        thread_id, ns, id, version, digest, body, channels, value_digests, metadata
                    )
                    VALUES (\(thread), '', gen_random_uuid(), 2, gen_random_uuid(), '{}', '{}', '{}', '{}')
                    """
                )
                return deletion
            }
            #expect(try await deletion.value == 204)
            #expect(try await fixture.rows("agent.checkpoints", of: thread) == 0)
        }
    }

    @Test func `a thread that is deleted while it is written to leaves nothing behind`() async throws {
        try await AgentFixture.run { fixture in
            for _ in 0..<5 {
                let project = try await fixture.project()
                let thread = try await fixture.thread(in: project)
                let value = String(repeating: "v", count: 100)
                let codes = try await withThrowingTaskGroup(of: String?.self) { group in
                    for number in 0..<20 {
                        let id: CheckpointID = ids.next()
                        group.addTask {
                            if number == 10 { return try await fixture.send("DELETE", "/api/projects/\(project)").code }
                            return try await fixture.put(id, in: thread, values: #"{"a":"\#(number)\#(value)"}"#).code
                        }
                    }
                    return try await group.reduce(into: Set()) { $0.insert($1) }
                }
                #expect(codes.isSubset(of: [nil, "THREAD_NOT_FOUND"]))
                for table in ["agent.thread_values", "agent.checkpoints", "agent.checkpoint_writes"] {
                    #expect(try await fixture.rows(table, of: thread) == 0)
                }
                let events = try await fixture.events(of: thread.uuid)
                #expect(events.map(\.seq) == Array(1...events.count))
                #expect(events.last?.change == "deleted")
            }
        }
    }
}
