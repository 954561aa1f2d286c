import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Testing

@testable import AgentService

/// Checkpoints as they are stored, read and listed.
@Suite(.timeLimit(.minutes(2))) struct CheckpointTests {
    private let ids = IdentifierSource()
    private static let long = String(repeating: "a long text ", count: 20)

    @Test func `a checkpoint comes back as it was put, and so does the latest`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            // Made in one moment they would have no order.
            let made = ([ids.next(), ids.next()] as [CheckpointID]).sorted()
            let (first, second) = (made[0], made[1])
            let values = """
                {"small":[1,2.5,"é\\n",null,true],"big":"\(Self.long)","list":[{"text":"\(Self.long)"},7,[],"\(Self.long)"],\
                "object":{"deep":{"text":"\(Self.long)","n":9007199254740993}},"none":null,"empty":[]}
                """
            let versions = #"{"small":1,"big":"00002.5","list":3,"object":1,"none":1,"empty":1,"unset":2}"#
            let put = try await fixture.put(
                first,
                in: thread,
                values: values,
                versions: versions,
                #","metadata":{"step":-1}"#
            )
            #expect(put.status == 200)
            #expect(put.version == 2)
            _ = try await fixture.put(second, in: thread, parent: first)

            let read = try await fixture.checkpoint(first.description, of: thread)
            #expect(read.json["checkpoint"]?["channel_values"]?.text == values)
            #expect(read.json["channel_versions"]?.text == versions)
            #expect(read.json["checkpoint"]?["v"]?.int == 1)
            #expect(read.json["metadata"]?.text == #"{"step":-1}"#)
            #expect(read.json["parent_checkpoint_id"]?.isNull == true)
            let latest = try await fixture.checkpoint(of: thread)
            #expect(latest.json["checkpoint_id"]?.string == second.description)
            #expect(latest.json["parent_checkpoint_id"]?.string == first.description)
            #expect(try await fixture.checkpoint(ids.uuid().description, of: thread).code == "CHECKPOINT_NOT_FOUND")
            #expect(try await fixture.checkpoint("first", of: thread).code == "CHECKPOINT_NOT_FOUND")
            #expect(try await fixture.checkpoint(of: ids.next()).code == "THREAD_NOT_FOUND")
        }
    }

    @Test func `a list that grows by one costs one value, and a value that is the same costs none`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            var parent: CheckpointID?
            var messages: [String] = []
            for number in 1...20 {
                messages.append(#"{"text":"\#(number) \#(Self.long)"}"#)
                let id: CheckpointID = ids.next()
                let values = #"{"messages":[\#(messages.joined(separator: ","))],"rules":"\#(Self.long)"}"#
                let versions = #"{"messages":\#(number),"rules":1}"#
                #expect(
                    try await fixture.put(id, in: thread, values: values, versions: versions, parent: parent).status
                        == 200
                )
                parent = id
            }
            #expect(try await fixture.rows("agent.thread_values", of: thread) == 21)
            let sum: SQL =
                "SELECT sum(octet_length(value))::bigint FROM agent.thread_values WHERE thread_id = \(thread)"
            let bytes: Int = try #require(try await fixture.pool.query(sum).first?.decode(0))
            #expect(bytes < 21 * (Self.long.utf8.count + 20))
            let latest = try await fixture.checkpoint(of: thread)
            #expect(latest.json["checkpoint"]?["channel_values"]?["messages"]?.elements.map { _ in 1 }.count == 20)
        }
    }

    @Test func `a long list costs what is new of it, also when its oldest elements go`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            // Numbers between the texts are too small to be kept by themselves.
            func list(_ range: Range<Int>) -> String {
                "[\(range.map { $0 % 10 == 0 ? "\($0)" : #"{"n":\#($0),"text":"\#(Self.long)"}"# }.joined(separator: ","))]"
            }
            var parent: CheckpointID?
            var kept: [Int] = []
            for number in 0..<60 {
                let id: CheckpointID = ids.next()
                // Grows at the end, then moves on.
                let range = max(0, number - 30)..<number + 400
                let put = try await fixture.put(
                    id,
                    in: thread,
                    values: number == 45 ? #"{"other":1}"# : #"{"m":\#(list(range))}"#,
                    versions: #"{"m":\#(number == 45 ? 44 : number)}"#,
                    parent: parent,
                    number == 45 ? #","unchanged":["m"]"# : ""
                )
                #expect(put.status == 200)
                kept.append(try await fixture.rows("agent.thread_values", of: thread))
                parent = id
                let read = try await fixture.checkpoint(of: thread).json["checkpoint"]?["channel_values"]?["m"]?.text
                #expect(read == list(number == 45 ? 14..<444 : range), "\(number)")
            }
            // Each step is one new text, and now and then a run is made of texts that are there.
            #expect(kept[59] - kept[0] < 59 + 20)
            let numbers: SQL =
                "SELECT max(cardinality(value_digests)) FROM agent.checkpoints WHERE thread_id = \(thread)"
            let most: Int = try #require(try await fixture.pool.query(numbers).first?.decode(0))
            #expect(most < 250)
        }
    }

    @Test func `an unchanged channel is the parent's, and a parent without it is no excuse`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let made = ([ids.next(), ids.next(), ids.next()] as [CheckpointID]).sorted()
            let (first, second, third) = (made[0], made[1], made[2])
            let list = #"["\#(Self.long)",{"more":"\#(Self.long)"},3]"#
            _ = try await fixture.put(
                first,
                in: thread,
                values: #"{"a":\#(list),"b":"x"}"#,
                versions: #"{"a":1,"b":1,"c":1}"#
            )
            let put = try await fixture.put(
                second,
                in: thread,
                values: #"{"b":{"other":"\#(Self.long)!"}}"#,
                versions: #"{"b":2,"a":1,"c":1}"#,
                parent: first,
                #","unchanged":["a","c"]"#
            )
            #expect(put.status == 200)
            let read = try await fixture.checkpoint(of: thread)
            #expect(read.json["checkpoint"]?["channel_values"]?["a"]?.text == list)
            #expect(read.json["checkpoint"]?["channel_values"]?["c"] == nil)
            for (versions, unchanged) in [(#"{"a":2}"#, "a"), (#"{"z":1}"#, "z")] {
                let refused = try await fixture.put(
                    third,
                    in: thread,
                    versions: versions,
                    parent: first,
                    #","unchanged":["\#(unchanged)"]"#
                )
                #expect(refused.code == "CONFLICT")
                #expect(refused.json["error"]?["details"]?["channel"]?.string == unchanged)
            }
            #expect(try await fixture.list(thread) == [second, first])
        }
    }

    @Test func `what adds up to too much is not answered, in words`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            var (parent, names): (CheckpointID?, [String]) = (nil, [])
            let value = String(repeating: "v", count: 4_000_000)
            for number in 0..<6 {
                let id: CheckpointID = ids.next()
                let given = (0..<3).map { "c\(number)-\($0)" }
                let values = given.map { #""\#($0)":"\#($0)\#(value)""# }.joined(separator: ",")
                let versions = (names + given).map { #""\#($0)":1"# }.joined(separator: ",")
                let unchanged = names.map { #""\#($0)""# }.joined(separator: ",")
                let put = try await fixture.put(
                    id,
                    in: thread,
                    values: "{\(values)}",
                    versions: "{\(versions)}",
                    parent: parent,
                    #","unchanged":[\#(unchanged)]"#
                )
                #expect(put.status == 200)
                (parent, names) = (id, names + given)
                // The first has 12 MB, the last 72; our client takes no answer in between.
                guard number == 0 || number == 5 else { continue }
                let read = try await fixture.checkpoint(of: thread)
                #expect(read.status == (number == 0 ? 200 : 413))
            }
        }
    }

    @Test func `the same checkpoint again changes nothing, another one under its id replaces it`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let id: CheckpointID = ids.next()
            let writes = #","writes":[{"task_id":"t","channel":"c","value":"\#(Self.long)"}]"#
            for _ in 1...3 {
                // A repeated request names the version that its first try has made stale.
                let put = try await fixture.put(id, in: thread, values: #"{"a":1}"#, ifMatch: 1, writes)
                #expect(put.version == 2)
            }
            #expect(try await fixture.events(of: thread.uuid).map(\.change) == ["created", "checkpoint"])
            let other = try await fixture.put(id, in: thread, values: #"{"a":2}"#, ifMatch: 2)
            #expect(other.version == 3)
            #expect(try await fixture.list(thread) == [id])
            let read = try await fixture.checkpoint(of: thread)
            #expect(read.json["checkpoint"]?["channel_values"]?["a"]?.int == 2)
            #expect(read.json["writes"]?.elements.map { $0["value"]?.string } == [Self.long])
            #expect(try await fixture.send("GET", "/api/threads/\(thread)").json["checkpoints"]?.int == 1)
        }
    }

    @Test func `a list is narrowed by namespace, age and metadata, and paged`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            var made: [CheckpointID] = []
            for number in 0..<5 {
                let id: CheckpointID = ids.next()
                let ns = number == 2 ? #","checkpoint_ns":"child:1""# : ""
                let metadata = #","metadata":{"step":\#(number),"source":"\#(number % 2 == 0 ? "loop" : "input")"}"#
                _ = try await fixture.put(id, in: thread, ns + metadata)
                made.append(id)
            }
            let newest = Array(made.reversed())
            #expect(try await fixture.list(thread) == newest)
            #expect(try await fixture.list(thread, "?ns=child:1") == [made[2]])
            #expect(try await fixture.list(thread, "?ns=") == newest.filter { $0 != made[2] })
            #expect(try await fixture.list(thread, "?before=\(made[3])&limit=2") == [made[2], made[1]])
            #expect(
                try await fixture.list(thread, "?filter=%7B%22source%22:%22loop%22%7D") == [made[4], made[2], made[0]]
            )
            #expect(try await fixture.list(thread, "?filter=%7B%22source%22:%22loop%22,%22step%22:3%7D") == [])
            let page = try await fixture.send("GET", "/api/threads/\(thread)/checkpoints?limit=2")
            let cursor = try #require(page.json["next_cursor"]?.string)
            #expect(try await fixture.list(thread, "?limit=2&cursor=\(cursor)") == [made[2], made[1]])
            for query in ["?filter=3", "?filter=x", "?cursor=zz", "?before=1", "?limit=0"] {
                let answer = try await fixture.send("GET", "/api/threads/\(thread)/checkpoints\(query)")
                #expect(answer.code == "VALIDATION_FAILED", "\(query)")
            }
        }
    }

    @Test func `of a task's writes the first stay, and those about the task itself are the last`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let id: CheckpointID = ids.next()
            func write(_ writes: String) async throws -> Int {
                let body = #"{"checkpoint_id":"\#(id)","writes":[\#(writes)]}"#
                return try await fixture.send("POST", "/api/threads/\(thread)/writes", body).status
            }
            // Before their checkpoint: runs store both at the same time.
            #expect(
                try await write(#"{"task_id":"b","channel":"x","value":1},{"task_id":"b","channel":"y","value":2}"#)
                    == 200
            )
            #expect(try await write(#"{"task_id":"a","task_path":"z","channel":"x","value":"\#(Self.long)"}"#) == 200)
            _ = try await fixture.put(id, in: thread)
            #expect(
                try await write(
                    #"{"task_id":"b","channel":"x","value":9},{"task_id":"b","idx":-1,"channel":"e","value":1}"#
                ) == 200
            )
            #expect(try await write(#"{"task_id":"b","idx":-1,"channel":"e","value":2}"#) == 200)
            let writes = try await fixture.checkpoint(of: thread).json["writes"]?.elements
                .map { "\($0["task_id"]?.string ?? "")\($0["idx"]?.int ?? 9)=\($0["value"]?.text ?? "")" }
            #expect(writes == ["b-1=2", "b0=1", "b1=2", "a0=\"\(Self.long)\""])
            #expect(try await fixture.events(of: thread.uuid).map(\.change) == ["created", "checkpoint"])
        }
    }

    @Test func `what does not fit is refused with its place`() async throws {
        try await AgentFixture.run { fixture in
            let thread = try await fixture.thread()
            let id: CheckpointID = ids.next()
            let path = "/api/threads/\(thread)/checkpoints"
            let huge = String(repeating: "x", count: ThreadBounds.valueBytes)
            let cases: [(String, String)] = [
                (#"{"checkpoint":{}}"#, "/checkpoint_id"),
                (#"{"checkpoint_id":"1","checkpoint":{}}"#, "/checkpoint_id"),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{},"typo":1}"#, "/typo"),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{"channel_values":[]}}"#, "/checkpoint/channel_values"),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{},"channel_versions":{"a":{}}}"#, "/channel_versions/a"),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{},"unchanged":["a"]}"#, "/unchanged"),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{},"metadata":{"a":"\u0000"}}"#, "/metadata"),
                (
                    #"{"checkpoint_id":"\#(id)","checkpoint":{},"metadata":{"a":"\#(huge.prefix(20_000))"}}"#,
                    "/metadata"
                ),
                (#"{"checkpoint_id":"\#(id)","checkpoint":{"a":"\#(huge.prefix(300_000))"}}"#, "/checkpoint"),
                (
                    #"{"checkpoint_id":"\#(id)","checkpoint":{"channel_values":{"a":[1,"\#(huge)"]}}}"#,
                    "/checkpoint/channel_values/a/1"
                ),
                (
                    #"{"checkpoint_id":"\#(id)","checkpoint":{},"writes":[{"task_id":"t","channel":"c"}]}"#,
                    "/writes/0/value"
                ),
            ]
            for (body, pointer) in cases {
                let answer = try await fixture.send("PUT", path, body)
                #expect(answer.code == "VALIDATION_FAILED", "\(pointer)")
                #expect(answer.pointers.contains(pointer), "\(pointer): \(answer.pointers)")
            }
            // U+0000 is no character for Postgres' texts, and one for JSON.
            let put = try await fixture.put(id, in: thread, values: #"{"a":"\u0000"}"#)
            #expect(put.status == 200)
            #expect(
                try await fixture.checkpoint(of: thread).json["checkpoint"]?["channel_values"]?["a"]?.string == "\0"
            )
            #expect(try await fixture.put(ids.next(), in: thread, #","checkpoint_ns":"\u0000""#).status == 400)
        }
    }
}
