import HTTPServer
import JSON
import MCPClient
import TestSupport
import Testing

/// Servers that break the protocol, by mistake or on purpose: each call has a named error, and the next one works.
@Suite(.timeLimit(.minutes(2))) struct HostileServerTests {
    private typealias Scripted = ScriptedMCPServer
    private typealias Fixture = RemoteServerFixture
    private typealias Answer = @Sendable (ScriptedMCPServer.Asked) -> Response

    private static let good = #"{"content":[{"type":"text","text":"good"}]}"#

    private static let answers: [(String, RemoteError, Answer)] = [
        ("garbage", .violation("a message that is not JSON"), { _ in Scripted.json("<<<") }),
        ("a page", .violation("an answer that is neither JSON nor a stream of events"), { _ in .text(.ok, "<html>") }),
        ("nothing", .violation("a message that is not JSON"), { _ in Scripted.json("") }),
        ("accepted", .violation("a request without an answer"), { _ in Response(.accepted) }),
        (
            "another id", .violation("an answer to something else"),
            { _ in Scripted.json(#"{"jsonrpc":"2.0","id":999,"result":\#(good)}"#) }
        ),
        (
            "a text as id", .violation("an answer to something else"),
            { Scripted.json(#"{"jsonrpc":"2.0","id":"\#($0.id)","result":\#(good)}"#) }
        ),
        (
            "a notification for an answer", .violation("an answer to something else"),
            { _ in Scripted.json(#"{"jsonrpc":"2.0","method":"notifications/x"}"#) }
        ),
        (
            "a stream without the answer", .violation("a stream that ends without the answer"),
            { _ in Scripted.events(#"{"jsonrpc":"2.0","id":999,"result":{}}"#) }
        ),
        (
            "a stream that stops within the answer", .violation("a stream that ends without the answer"),
            { asked in
                Scripted.stream { writer in
                    try await writer.write(Array("data: \(asked.result(good).prefix(30))".utf8))
                }
            }
        ),
        (
            "garbage in a stream", .violation("a message that is not JSON"),
            { Scripted.events("nonsense", $0.result(good)) }
        ),
        (
            "a result that is none", .violation("a message without method, result or error"),
            { Scripted.json($0.result("7")) }
        ),
        ("no content", .violation("an answer of a tool without content"), { Scripted.json($0.result("{}")) }),
        (
            "a further question", .asksForInput,
            { Scripted.json($0.result(#"{"resultType":"input_required","requestState":"x"}"#)) }
        ),
        (
            "a task", .violation("a result of a kind that was not agreed on"),
            { Scripted.json($0.result(#"{"resultType":"task","taskId":"1"}"#)) }
        ),
        ("an error", .answered(code: -32602, message: "no"), { Scripted.json($0.error(-32602)) }),
        ("a status", .refused(status: 500), { _ in .text(Status(500), "stack trace") }),
        (
            "an error with a status", .answered(code: -32603, message: "no"),
            { Scripted.json($0.error(-32603), status: 500) }
        ),
        ("no entry", .unauthorized(403), { _ in Response(.forbidden) }),
        (
            "too much JSON", .tooLarge("more than 4194304 bytes of an answer"),
            { _ in
                Response(.ok, type: "application/json", Array(repeating: UInt8(ascii: " "), count: (4 << 20) + 1))
            }
        ),
        (
            "too large an event", .tooLarge("more than 4194304 bytes of an event"),
            { _ in
                Scripted.stream { writer in
                    try await writer.write(Array("data: ".utf8))
                    while true { try await writer.write(Array(repeating: UInt8(ascii: "x"), count: 1 << 20)) }
                }
            }
        ),
        (
            "too many pieces", .tooLarge("pieces of an answer"),
            {
                let pieces = Array(repeating: #"{"type":"text","text":""}"#, count: 1_001).joined(separator: ",")
                return Scripted.json($0.result(#"{"content":[\#(pieces)]}"#))
            }
        ),
    ]

    @Test func `whatever a call is answered with, it has a name, and the next call works`() async throws {
        let script = Scripted.modern { asked, server in
            guard asked.method == "tools/call" else { return nil }
            let number = asked.json["params"]?["arguments"]?["case"]?.int
            return number.map { HostileServerTests.answers[$0].2(asked) }
                ?? Scripted.events(asked.result(HostileServerTests.good), asked.result(#"{"content":[]}"#))
        }
        try await Scripted.run(script) { _, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                for (number, (name, error, _)) in HostileServerTests.answers.enumerated() {
                    await #expect(throws: error, "\(name)") { try await server.call("echo", #"{"case":\#(number)}"#) }
                    // The good answer comes twice: the second counts for nothing.
                    #expect(try await server.call("echo").content == [.text("good")], "after \(name)")
                }
            }
        }
    }

    @Test func `a call that is not answered ends in time, and others go on meanwhile`() async throws {
        let script = Scripted.modern { asked, _ in
            guard asked.json["params"]?["arguments"]?["hang"] != nil else { return nil }
            return Scripted.stream { writer in
                while true {
                    try await writer.write(Array(": still at it\n\n".utf8))
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
        }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                async let late = server.call("echo", #"{"hang":1}"#, within: .milliseconds(500))
                try await eventually { scripted.methods.contains("tools/call") }
                #expect(try await server.call("echo").content == [.text("called")])
                do {
                    _ = try await late
                    Issue.record("an answer came")
                } catch {
                    #expect(error as? RemoteError == .timedOut)
                }
            }
        }
    }

    @Test func `lists that are none, or have no end, keep the server away with a reason`() async throws {
        let huge = String(repeating: "x", count: 1_100_000)
        let lists: [(String, String)] = [
            (#"{"tools":[],"nextCursor":"again"}"#, "more than 100 pages"),
            (#"{"tools":7}"#, "a list of tools without tools"),
            (
                #"{"tools":[{"name":"t","description":"\#(huge)","inputSchema":{"type":"object"}}]}"#,
                "more than 1048576 bytes of tools"
            ),
        ]
        for (list, reason) in lists {
            let script = Scripted.modern { asked, _ in
                asked.method == "tools/list" ? Scripted.json(asked.result(list)) : nil
            }
            try await Scripted.run(script) { _, url in
                try await Fixture.run(Fixture.http(url)) { server in
                    try await server.away(because: reason)
                    #expect(server.tools == [])
                }
            }
        }
    }

    @Test func `names that are none or taken are left out, and counted`() async throws {
        let tools = ["good", "bad name", "good", "", "ü"]
            .map { #"{"name":"\#($0)","inputSchema":{"type":"object"}}"# }.joined(separator: ",")
        try await Scripted.run(Scripted.modern(tools: tools)) { _, url in
            try await Fixture.run(Fixture.http(url)) { server in
                try await server.ready()
                #expect(server.state == .ready(revision: "2026-07-28", unusable: 4))
                #expect(server.tools.map(\.name) == ["good"])
            }
        }
    }

    @Test func `a server that cries change all the time is asked now and then`() async throws {
        let script = Scripted.modern(listChanged: true) { asked, server in
            guard asked.method == "subscriptions/listen" else { return nil }
            let isFirst = server.methods.count { $0 == "subscriptions/listen" } == 1
            return Scripted.stream { writer in
                guard isFirst else {
                    try await writer.write(Array(": quiet\n\n".utf8))
                    _ = await writer.closed()
                    return
                }
                let cry = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"
                try await writer.write(Array(String(repeating: cry, count: 1_000).utf8))
            }
        }
        try await Scripted.run(script) { scripted, url in
            try await Fixture.run(Fixture.http(url), change: { $0.quiet = .seconds(1_000) }) { server in
                try await server.ready()
                // Who listens again has read the first stream to its end.
                try await eventually { scripted.methods.count { $0 == "subscriptions/listen" } == 2 }
                #expect(scripted.methods.count { $0 == "tools/list" } == 1)
                #expect(try await server.call("echo").content == [.text("called")])
            }
        }
    }
}
