import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Lifecycle
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// The streams that answer legacy calls: stored, so that any replica goes on with them.
@Suite(.timeLimit(.minutes(2))) struct MCPStreamTests {
    private static func count(_ fixture: AgentFixture, _ what: SQL) async throws -> Int {
        try await fixture.pool.query("SELECT count(*) FROM \(what)").first?.decode(0) ?? -1
    }

    private static func slowCalls(_ fixture: AgentFixture, _ what: String) async throws -> Int? {
        try await fixture.tool("test_slow_state")["structuredContent"]?["slow_\(what)"]?.int
    }

    @Test func `a stream that is cut goes on at any replica, without a gap and without a repetition`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let session = try await fixture.session()
            let place = Lock("")
            let meta = #"{"progressToken":"p"}"#
            try await fixture.stream("test_slow", #"{"seconds":2}"#, meta: meta, session: session) { reader in
                let first = try #require(try await reader.event())
                #expect(first.data.isEmpty && first.lastEventID.hasSuffix(".0") && reader.retry == .milliseconds(500))
                #expect(try await reader.next()["params"]?["progress"]?.double == 0)
                #expect(try await reader.next()["params"]?["progress"]?.double == 1)
                let last = reader.lastEventID
                place.withLock { $0 = last }
            }
            let last = place.withLock { $0 }
            try await fixture.withReplica { other in
                try await other.resume(after: last, session: session) { reader in
                    let (answer, before) = try await reader.answer(to: "test_slow")
                    #expect(before.map { $0["params"]?["progress"]?.double } == (2..<10).map(Double.init))
                    #expect(answer["result"]?["isError"]?.bool == false)
                    #expect(try await reader.event() == nil)
                }
                // All of it again from its beginning, for who has lost all of it.
                let begin = "\(last.prefix { $0 != "." }).0"
                try await other.resume(after: begin, session: session) { reader in
                    let before = try await reader.answer(to: "test_slow").before
                    #expect(before.map { $0["params"]?["progress"]?.double } == (0..<10).map(Double.init))
                }
                let stranger = try await fixture.session()
                for (session, event) in [(stranger, last), (session, "x"), (session, "\(IdentifierSource().uuid()).1")]
                {
                    let headers = [
                        AgentFixture.accept, ("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-11-25"),
                        ("Last-Event-ID", event),
                    ]
                    #expect(try await other.send("GET", "/mcp", headers: headers).status == 400, "\(event)")
                }
            }
            // What a client that has gone began was done to the end.
            #expect(try await MCPStreamTests.slowCalls(fixture, "done") == 1)
            #expect(try await MCPStreamTests.slowCalls(fixture, "cancelled") == 0)
        }
    }

    @Test func `an answer that comes at once stores nothing, and a session takes its streams along`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let session = try await fixture.session()
            let call = #""id":"a","method":"tools/call","params":{"name":"test_simple_text","arguments":{}}"#
            let answer = try await fixture.legacy(#"{"jsonrpc":"2.0",\#(call)}"#, session: session)
            #expect(answer.response.headers["Content-Type"] == "application/json")
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_streams") == 0)
            let meta = #"{"progressToken":"p"}"#
            for _ in 0..<3 {
                try await fixture.stream("test_tool_with_progress", meta: meta, session: session) { reader in
                    _ = try await reader.answer(to: "test_tool_with_progress")
                }
            }
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_streams WHERE ended_at IS NOT NULL") == 3)
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_events") == 12)
            _ = try await fixture.send("DELETE", "/mcp", headers: [("Mcp-Session-Id", session)])
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_events") == 0)
        }
    }

    @Test func `a session keeps so many streams, and nothing is kept for long`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            let hash = try #require(try await MCPSessions(pool: fixture.pool).find(session, of: "dev")).hash
            func open() async throws -> UUID {
                let stream = IdentifierSource().uuid()
                try await fixture.pool.execute(
                    MCPStreamStatements.open(stream, session: hash, request: RawJSON("1"))
                )
                return stream
            }
            let first = try await open()
            for _ in 0..<120 {
                let stream = try await open()
                try await fixture.pool.execute(MCPStreamStatements.append([], to: stream, ends: true))
            }
            // The oldest has not ended, and so is the last to go.
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_streams") == 100)
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_streams WHERE id = \(first)") == 1)
            try await fixture.pool.execute(
                "UPDATE agent.mcp_streams SET begun_at = begun_at - interval '2 hours', beat_at = beat_at - interval '2 hours'"
            )
            _ = try await open()
            #expect(try await MCPStreamTests.count(fixture, "agent.mcp_streams") == 1)
        }
    }

    @Test func `a stream whose process has died ends with an error`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            let hash = try #require(try await MCPSessions(pool: fixture.pool).find(session, of: "dev")).hash
            // What a process leaves that is killed in the middle.
            let stream = IdentifierSource().uuid()
            let event = MCPOutbox.Event(number: 1, message: MCPMessage.notification("n") { _ in })
            _ = try await fixture.pool.atomically([
                MCPStreamStatements.open(stream, session: hash, request: RawJSON(#""lost""#)),
                MCPStreamStatements.append([event], to: stream, ends: false),
                "UPDATE agent.mcp_streams SET beat_at = now() - interval '21 seconds'",
            ])
            for _ in 0..<2 {
                try await fixture.resume(after: "\(stream).0", session: session) { reader in
                    let (answer, before) = try await reader.answer(to: "lost")
                    #expect(before.count == 1 && answer["error"]?["code"]?.int == -32603)
                    #expect(reader.lastEventID == "\(stream).2")
                }
            }
            // Should it live after all, it learns that nobody waits.
            let streams = MCPStreams(pool: fixture.pool, watch: MCPWatch(pool: fixture.pool, logger: .silent))
            #expect(try await !streams.append(MCPOutbox.Batch(), to: stream))
        }
    }

    @Test func `a call whose process stops ends with an error at once`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let session = try await fixture.session()
            let place = Lock("")
            try await fixture.withReplica { other in
                let meta = #"{"progressToken":"p"}"#
                try await other.stream("test_slow", #"{"seconds":50}"#, meta: meta, session: session) { reader in
                    _ = try await reader.next()
                    let last = reader.lastEventID
                    place.withLock { $0 = last }
                }
            }
            let begin = ContinuousClock.now
            try await fixture.resume(after: place.withLock { $0 }, session: session) { reader in
                let answer = try await reader.answer(to: "test_slow").answer
                #expect(answer["error"]?["code"]?.int == -32603)
            }
            #expect(ContinuousClock.now - begin < .seconds(15))
        }
    }

    @Test func `a stream holds so much, and its questions and its answer all the same`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            let hash = try #require(try await MCPSessions(pool: fixture.pool).find(session, of: "dev")).hash
            let recorder = MCPRecorder(
                streams: MCPStreams(pool: fixture.pool, watch: MCPWatch(pool: fixture.pool, logger: .silent)),
                outbox: MCPOutbox(),
                request: MCPMessage.ID(json: RawJSON("1")),
                session: hash,
                logger: .silent
            )
            let long = MCPMessage.notification("n") { $0.member("text", String(repeating: "a", count: 1 << 20)) }
            await recorder.run {
                for _ in 0..<8 { recorder.outbox.send(long) }
                _ = recorder.outbox.ask(.roots)
                recorder.outbox.finish(MCPMessage.result(.emptyObject, to: recorder.request))
            }
            let events = try await fixture.pool.query(
                "SELECT octet_length(message::text), is_question FROM agent.mcp_events ORDER BY seq"
            )
            let sizes = try events.map { try $0.decode(0, as: Int.self) }
            #expect(sizes.reduce(0, +) < 4 << 20 && sizes.count == 5)
            #expect(try events.map { try $0.decode(1, as: Bool.self) }.suffix(2) == [true, false])
        }
    }

    @Test func `what waits too long goes, but no question`() async throws {
        let outbox = MCPOutbox()
        let question = outbox.ask(.roots)
        for _ in 0..<300 { outbox.send([]) }
        outbox.finish([])
        outbox.send([])
        outbox.finish(nil)
        let batch = try await outbox.next(atMost: .seconds(1))
        #expect(batch.events.count == 100 && batch.events.first?.number == question.number)
        #expect(batch.events.last?.number == 301)
        guard case .answer(let answer, _)? = batch.ending else { Issue.record("there is no answer"); return }
        #expect(answer.number == 302)
    }

    @Test func `who waits for a stream is woken by what another process does to it`() async throws {
        try await AgentFixture.run { fixture in
            let session = try await fixture.session()
            let hash = try #require(try await MCPSessions(pool: fixture.pool).find(session, of: "dev")).hash
            let stream = IdentifierSource().uuid()
            try await fixture.pool.execute(MCPStreamStatements.open(stream, session: hash, request: RawJSON("1")))
            let watch = MCPWatch(pool: fixture.pool, logger: .silent)
            let stop = StopSignal()
            let running = Task { try await watch.run(until: stop) }
            try await watch.watching(stream) { wakeup in
                // It may have changed before it was watched.
                #expect(try await wakeup.wait(atMost: .seconds(20)))
                try await fixture.pool.execute(MCPStreamStatements.append([], to: stream, ends: true))
                #expect(try await wakeup.wait(atMost: .seconds(20)))
                _ = try await fixture.send("DELETE", "/mcp", headers: [("Mcp-Session-Id", session)])
                #expect(try await wakeup.wait(atMost: .seconds(20)))
            }
            stop.raise()
            try await running.value
        }
    }

    @Test func `a call is called off at any replica, and gets no answer`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            try await fixture.withReplica { other in
                for (number, replica) in [fixture, other].enumerated() {
                    let session = try await fixture.session()
                    let meta = #"{"progressToken":"p"}"#
                    try await fixture.stream("test_slow", #"{"seconds":50}"#, meta: meta, session: session) { reader in
                        _ = try await reader.next()
                        let cancel =
                            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"test_slow"}}"#
                        #expect(try await replica.legacy(cancel, session: session).status == 202)
                        while let event = try await reader.event() {
                            #expect(event.data.contains("notifications/progress"))
                        }
                    }
                    try await eventually("the call was cancelled") {
                        try await MCPStreamTests.slowCalls(fixture, "cancelled") == number + 1
                    }
                }
            }
        }
    }

    @Test func `a tool may let the connection go, and its client comes back for the answer`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let session = try await fixture.session()
            let place = Lock("")
            try await fixture.stream("test_reconnection", session: session) { reader in
                let only = try #require(try await reader.event())
                #expect(only.data.isEmpty)
                #expect(try await reader.event() == nil)
                let last = reader.lastEventID
                place.withLock { $0 = last }
            }
            try await fixture.resume(after: place.withLock { $0 }, session: session) { reader in
                let answer = try await reader.answer(to: "test_reconnection").answer
                #expect(answer["result"]?.text.contains("reconnected") == true)
            }
        }
    }
}
