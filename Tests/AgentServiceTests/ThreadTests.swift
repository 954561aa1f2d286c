import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Store
import Testing

@testable import AgentService

/// Threads: their making, who sees them, their leases, and how they are copied, pruned and deleted.
@Suite(.timeLimit(.minutes(2))) struct ThreadTests {
    private let ids = IdentifierSource()
    private static let long = String(repeating: "a long text ", count: 20)

    @Test func `a thread is made once for an id or a key, changed, listed and deleted`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let id = ids.uuid()
            let body = #"{"thread_id":"\#(id)","key":"talk","project_id":"\#(project)","title":"T","metadata":{"a":1}}"#
            let made = try await fixture.send("POST", "/api/threads", body)
            #expect(made.status == 201)
            #expect(made.response.headers["Location"] == "/api/threads/\(id)")
            #expect(try await fixture.send("POST", "/api/threads", body).status == 200)
            let again = try await fixture.send("POST", "/api/threads", #"{"key":"talk","project_id":"\#(project)"}"#)
            #expect(again.status == 200)
            #expect(again.json["thread_id"]?.string == id.description)
            // The same key elsewhere is another thread, the same id is not.
            #expect(try await fixture.send("POST", "/api/threads", #"{"key":"talk"}"#).status == 201)
            #expect(try await fixture.send("POST", "/api/threads", #"{"thread_id":"\#(id)"}"#).code == "CONFLICT")
            #expect(try await fixture.send("POST", "/api/threads", #"{"project_id":"\#(ids.uuid())"}"#).status == 404)

            let patched = try await fixture.send(
                "PATCH",
                "/api/threads/\(id)",
                #"{"title":null}"#,
                headers: [("If-Match", "\"1\"")]
            )
            #expect(patched.json["title"]?.isNull == true)
            #expect(patched.version == 2)
            let stale = try await fixture.send("PATCH", "/api/threads/\(id)", "{}", headers: [("If-Match", "\"1\"")])
            #expect(stale.code == "STALE_VERSION")
            let listed = try await fixture.send("GET", "/api/threads?key=talk&project_id=\(project)")
            #expect(listed.json["items"]?.elements.map { $0["thread_id"]?.string } == [id.description])

            _ = try await fixture.put(ids.next(), in: ThreadID(id), values: #"{"a":"\#(Self.long)"}"#)
            #expect(try await fixture.send("DELETE", "/api/threads/\(id)").status == 204)
            #expect(try await fixture.send("DELETE", "/api/threads/\(id)").code == "THREAD_NOT_FOUND")
            for table in ["agent.thread_values", "agent.checkpoints", "agent.checkpoint_writes"] {
                #expect(try await fixture.rows(table, of: ThreadID(id)) == 0)
            }
            let events = try await fixture.events(of: id)
            #expect(events.map(\.change) == ["created", "updated", "checkpoint", "deleted"])
            #expect(events.map(\.seq) == [1, 2, 3, 4])
            #expect(events.allSatisfy { $0.type == "thread.updated" })
        }
    }

    @Test func `a token for one project sees its threads only, and a project takes its threads along`() async throws {
        try await AgentFixture.run { fixture in
            let (mine, other) = (try await fixture.project(), try await fixture.project())
            let scopes: Set<Scope> = [.projectsRead, .projectsWrite]
            let token = try await APIKeyStore(fixture.pool)
                .create(name: "t", scopes: scopes, project: mine, lifetime: nil).token.reveal()
            let hidden = try await fixture.thread(in: other)
            _ = try await fixture.put(ids.next(), in: hidden)
            let id = ids.uuid()
            let requests: [(String, String, String?)] = [
                ("GET", "/api/threads/\(hidden)", nil), ("DELETE", "/api/threads/\(hidden)", nil),
                ("GET", "/api/threads/\(hidden)/checkpoints", nil), ("POST", "/api/threads/\(hidden)/lease", "{}"),
                ("PUT", "/api/threads/\(hidden)/checkpoints", #"{"checkpoint_id":"\#(id)","checkpoint":{}}"#),
                ("POST", "/api/threads/\(hidden)/writes", #"{"checkpoint_id":"\#(id)","writes":[]}"#),
                ("POST", "/api/threads/\(hidden)/copy", "{}"), ("POST", "/api/threads/\(hidden)/prune", "{}"),
            ]
            for (method, path, body) in requests {
                #expect(try await fixture.send(method, path, body, token: token).code == "THREAD_NOT_FOUND", "\(path)")
            }
            let made = try await fixture.send("POST", "/api/threads", #"{"key":"k"}"#, token: token)
            #expect(made.json["project_id"]?.string == mine.description)
            let thread = try #require(made.json["thread_id"]?.string.flatMap { ThreadID($0) })
            _ = try await fixture.put(ids.next(), in: thread, values: #"{"a":"\#(Self.long)"}"#)

            #expect(try await fixture.send("DELETE", "/api/projects/\(mine)").status == 204)
            #expect(try await fixture.send("GET", "/api/threads/\(thread)").code == "THREAD_NOT_FOUND")
            #expect(try await fixture.rows("agent.thread_values", of: thread) == 0)
            #expect(try await fixture.events(of: thread.uuid).map(\.change) == ["created", "checkpoint", "deleted"])
        }
    }

    @Test func `a lease keeps others out, and a stale fence changes nothing`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let path = "/api/threads/\(thread)/lease"
            let first = try await fixture.send("POST", path, #"{"lease_ms":60000}"#)
            #expect(first.json["fence"]?.int == 1)
            let taken = try await fixture.send("POST", path, "{}")
            #expect(taken.code == "CONFLICT")
            #expect(taken.json["error"]?["details"]?["holder"]?.string == "dev")
            #expect(try await fixture.send("POST", path, #"{"fence":1}"#).json["fence"]?.int == 1)

            #expect(try await fixture.put(ids.next(), in: thread).code == "CONFLICT")
            #expect(try await fixture.put(ids.next(), in: thread, #","fence":1"#).status == 200)
            let body = #"{"checkpoint_id":"\#(ids.uuid())","writes":[{"task_id":"t","channel":"c","value":1}]"#
            #expect(try await fixture.send("POST", "/api/threads/\(thread)/writes", body + "}").code == "CONFLICT")
            // Its time is over, and somebody else has it.
            try await fixture.pool.execute("UPDATE agent.threads SET leased_until = now() - interval '1 s'")
            #expect(try await fixture.put(ids.next(), in: thread, #","fence":1"#).status == 200)
            #expect(try await fixture.send("POST", path, "{}").json["fence"]?.int == 2)
            let before = try await fixture.list(thread)
            #expect(try await fixture.put(ids.next(), in: thread, #","fence":1"#).code == "LEASE_LOST")
            let late = try await fixture.send("POST", "/api/threads/\(thread)/writes", body + #","fence":1}"#)
            #expect(late.code == "LEASE_LOST")
            #expect(try await fixture.send("POST", path, #"{"fence":1}"#).code == "LEASE_LOST")
            #expect(try await fixture.send("DELETE", path + "?fence=1").code == "LEASE_LOST")
            #expect(try await fixture.list(thread) == before)
            #expect(try await fixture.rows("agent.checkpoint_writes", of: thread) == 0)

            #expect(try await fixture.send("DELETE", path + "?fence=2").status == 204)
            #expect(try await fixture.put(ids.next(), in: thread, #","fence":2"#).code == "LEASE_LOST")
            #expect(try await fixture.put(ids.next(), in: thread).status == 200)
            #expect(try await fixture.send("POST", path, "{}").json["fence"]?.int == 3)
        }
    }

    @Test func `pruning keeps the newest of each namespace, with all they need`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            var root: [CheckpointID] = []
            for number in 0..<4 {
                let id: CheckpointID = ids.next()
                let writes = #","writes":[{"task_id":"t","channel":"c","value":"\#(number) written \#(Self.long)"}]"#
                _ = try await fixture.put(
                    id,
                    in: thread,
                    values: #"{"old":"\#(Self.long)","new":"\#(number) \#(Self.long)"}"#,
                    versions: #"{"old":1,"new":\#(number)}"#,
                    parent: root.last,
                    writes
                )
                root.append(id)
            }
            // A subgraph called from a checkpoint that goes, one from one that stays, and one that has no call.
            let (gone, kept, own): (CheckpointID, CheckpointID, CheckpointID) = (ids.next(), ids.next(), ids.next())
            for (id, ns, caller) in [(gone, "sub:1", root[0]), (kept, "sub:2", root[3]), (own, "sub", root[0])] {
                let more = #","checkpoint_ns":"\#(ns)","metadata":{"parents":{"":"\#(caller)"}}"#
                _ = try await fixture.put(id, in: thread, more)
            }
            let answer = try await fixture.send("POST", "/api/threads/\(thread)/prune", "{}")
            #expect(answer.json["deleted"]?.int == 4)
            #expect(try await fixture.list(thread) == [own, kept, root[3]].sorted(by: >))
            let latest = try await fixture.checkpoint(of: thread)
            #expect(latest.json["parent_checkpoint_id"]?.isNull == true)
            #expect(latest.json["checkpoint"]?["channel_values"]?["new"]?.string == "3 \(Self.long)")
            #expect(latest.json["writes"]?.elements.map { $0["value"]?.string } == ["3 written \(Self.long)"])
            #expect(try await fixture.rows("agent.thread_values", of: thread) == 3)
            #expect(try await fixture.rows("agent.checkpoint_writes", of: thread) == 1)
            #expect(try await fixture.send("GET", "/api/threads/\(thread)").json["checkpoints"]?.int == 3)

            _ = try await fixture.put(ids.next(), in: thread, #","metadata":{"counters_since_delta_snapshot":{}}"#)
            #expect(try await fixture.send("POST", "/api/threads/\(thread)/prune", "{}").code == "CONFLICT")
        }
    }

    @Test func `a copy is a thread of its own, whole or from any checkpoint back`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            var made: [CheckpointID] = []
            for number in 0..<3 {
                let id: CheckpointID = ids.next()
                let writes = #","writes":[{"task_id":"t","channel":"c","value":\#(number)}]"#
                let values = #"{"a":"\#(number) \#(Self.long)"}"#
                _ = try await fixture.put(
                    id,
                    in: thread,
                    values: values,
                    versions: #"{"a":1}"#,
                    parent: made.last,
                    writes
                )
                made.append(id)
            }
            let whole = try await fixture.send("POST", "/api/threads/\(thread)/copy", #"{"key":"copy"}"#)
            #expect(whole.status == 201)
            let copy = try #require(whole.json["thread_id"]?.string.flatMap { ThreadID($0) })
            #expect(try await fixture.list(copy) == made.reversed())
            let body = #"{"checkpoint_id":"\#(made[1])"}"#
            let fork = try await fixture.send("POST", "/api/threads/\(thread)/copy", body)
            let forked = try #require(fork.json["thread_id"]?.string.flatMap { ThreadID($0) })
            #expect(try await fixture.list(forked) == [made[1], made[0]])
            #expect(try await fixture.rows("agent.thread_values", of: forked) == 2)
            // What happens to one concerns the other no more.
            #expect(try await fixture.send("DELETE", "/api/threads/\(thread)").status == 204)
            let read = try await fixture.checkpoint(of: copy)
            #expect(read.json["checkpoint"]?["channel_values"]?["a"]?.string == "2 \(Self.long)")
            #expect(read.json["writes"]?.elements.map { $0["value"]?.int } == [2])
            #expect(try await fixture.put(ids.next(), in: forked, ifMatch: 2).status == 200)
            #expect(try await fixture.send("POST", "/api/threads/\(copy)/copy", #"{"key":"copy"}"#).code == "CONFLICT")
            let missing = try await fixture.send(
                "POST",
                "/api/threads/\(copy)/copy",
                #"{"checkpoint_id":"\#(ids.uuid())"}"#
            )
            #expect(missing.code == "CHECKPOINT_NOT_FOUND")
        }
    }

    @Test func `checkpoints of runs are deleted wherever they are`() async throws {
        try await AgentFixture.run { fixture in
            let threads = [try await fixture.thread(), try await fixture.thread()]
            for thread in threads {
                for run in ["a", "b", "c"] {
                    let values = #"{"v":"\#(run) \#(Self.long)"}"#
                    _ = try await fixture.put(
                        ids.next(),
                        in: thread,
                        values: values,
                        #","metadata":{"run_id":"\#(run)"}"#
                    )
                }
            }
            let answer = try await fixture.send("POST", "/api/threads/delete-runs", #"{"run_ids":["a","c","x"]}"#)
            #expect(answer.json["deleted"]?.int == 4)
            for thread in threads {
                #expect(try await fixture.list(thread).count == 1)
                #expect(try await fixture.rows("agent.thread_values", of: thread) == 1)
                #expect(try await fixture.events(of: thread.uuid).last?.change == "pruned")
            }
            let none = try await fixture.send("POST", "/api/threads/delete-runs", #"{"run_ids":[]}"#)
            #expect(none.json["deleted"]?.int == 0)
        }
    }
}
