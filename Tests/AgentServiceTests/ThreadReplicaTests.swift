import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Testing

@testable import AgentService

/// Replicas remember threads that others change meanwhile: nobody must see that.
@Suite(.timeLimit(.minutes(2))) struct ThreadReplicaTests {
    private let ids = IdentifierSource()

    /// A change as a request makes it.
    private func change(
        _ thread: ThreadID,
        _ id: CheckpointID,
        value: Int = 0,
        fence: Int64? = nil,
        version: Int? = nil,
        parent: CheckpointID? = nil
    ) throws -> ThreadChange {
        let parent = parent.map { #","parent_checkpoint_id":"\#($0)","unchanged":["kept"]"# } ?? ""
        let kept = parent.isEmpty ? #","kept":"\#(String(repeating: "k", count: 99))""# : ""
        let values = #"{"v":\#(value)\#(kept)}"#
        let body =
            #"{"checkpoint_id":"\#(id)","checkpoint":{"channel_values":\#(values)},"#
            + #""channel_versions":{"v":\#(value),"kept":1}\#(parent)}"#
        return ThreadChange(
            thread: thread,
            limit: nil,
            namespace: "",
            checkpointID: id,
            checkpoint: try CheckpointDraft(JSONDocument(parsing: body).root),
            writes: [],
            values: [:],
            expectedVersion: version,
            fence: fence,
            trace: "t"
        )
    }

    @Test func `what another replica has stored is noticed, and nothing is stored twice or lost`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let told = Lock(0)
            let replicas = [0, 1].map { _ in ThreadIntake(pool: fixture.pool) { told.withLock { $0 += 1 } } }
            var (parent, version): (CheckpointID?, Int) = (nil, 1)
            for number in 1...12 {
                let id: CheckpointID = ids.next()
                // Twice from one, twice from the other: each remembers, and each is wrong once in a while.
                let change = try change(thread, id, value: number, version: version, parent: parent)
                let stored = try await replicas[number / 2 % 2].submit(change)
                #expect(stored.version == version + 1)
                let again = try await replicas[(number / 2 + 1) % 2].submit(change)
                #expect(again.version == stored.version)
                #expect(again.isRepeat)
                let stale = try self.change(thread, ids.next(), version: version)
                await #expect(throws: ServiceError.self) { try await replicas[number % 2].submit(stale) }
                (parent, version) = (id, stored.version)
            }
            #expect(told.withLock { $0 } == 12)
            #expect(try await fixture.events(of: thread.uuid).map(\.seq) == Array(1...13))
            #expect(try await fixture.list(thread).count == 12)
            let latest = try await fixture.checkpoint(of: thread).json["checkpoint"]?["channel_values"]
            #expect(latest?["kept"]?.string?.count == 99)
            #expect(try await fixture.rows("agent.thread_values", of: thread) == 1)
        }
    }

    @Test func `a lease, a deletion and a pruning elsewhere end what is remembered`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let replica = ThreadIntake(pool: fixture.pool) {}
            func code(fence: Int64? = nil, parent: CheckpointID? = nil) async throws -> String? {
                do {
                    _ = try await replica.submit(try change(thread, ids.next(), fence: fence, parent: parent))
                    return nil
                } catch let error as ServiceError {
                    return error.code.text
                }
            }
            let first: CheckpointID = ids.next()
            _ = try await replica.submit(try change(thread, first))
            #expect(try await code() == nil)
            let path = "/api/threads/\(thread)"
            #expect(try await fixture.send("POST", path + "/lease", "{}").status == 200)
            #expect(try await code() == "CONFLICT")
            #expect(try await code(fence: 1) == nil)
            #expect(try await fixture.send("DELETE", path + "/lease?fence=1").status == 204)
            #expect(try await fixture.send("POST", path + "/lease", "{}").json["fence"]?.int == 2)
            #expect(try await code(fence: 1) == "LEASE_LOST")
            #expect(try await code(fence: 2) == nil)
            #expect(try await fixture.send("POST", path + "/prune", "{}").status == 200)
            #expect(try await code(fence: 2, parent: first) == "CONFLICT")
            #expect(try await fixture.send("DELETE", path).status == 204)
            #expect(try await code(fence: 2) == "THREAD_NOT_FOUND")
            #expect(try await fixture.rows("agent.checkpoints", of: thread) == 0)
            let events = try await fixture.events(of: thread.uuid)
            #expect(events.map(\.seq) == Array(1...events.count))
        }
    }
}
