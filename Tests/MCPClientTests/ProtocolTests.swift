import JSON
import Testing

@testable import MCPClient

/// What needs no server: messages, eras, lists and headers.
@Suite struct ProtocolTests {
    private func json(_ text: String) throws -> JSONElement { try JSONDocument(parsing: text).root }

    // MARK: - Eras

    /// Plays a negotiation: each answer is to the question that was asked.
    private func play(
        last: Revision? = nil,
        silenceIsLegacy: Bool = false,
        _ answers: Result<String, RemoteError>...
    ) throws -> [Negotiation.Step] {
        var negotiation = Negotiation(last: last, silenceIsLegacy: silenceIsLegacy)
        var steps = [negotiation.step]
        for answer in answers {
            let result = answer.map { (try? json($0)) ?? .null }
            switch negotiation.step {
            case .discover: negotiation.discovered(result)
            case .initialize: negotiation.initialized(result)
            case .ready, .failed: Issue.record("nothing is asked any more")
            }
            steps.append(negotiation.step)
        }
        return steps
    }

    private let modern = #"{"supportedVersions":["2026-07-28"]}"#
    private let agreed = #"{"protocolVersion":"2025-06-18"}"#

    @Test func `a modern server is recognised by its own word`() throws {
        #expect(try play(.success(modern)) == [.discover, .ready(.modern)])
        #expect(
            try play(.success(#"{"supportedVersions":["2027-01-01","2026-07-28","2025-11-25"]}"#)).last
                == .ready(.modern)
        )
    }

    @Test func `any other word than a modern one leads to the handshake`() throws {
        let words: [Result<String, RemoteError>] = [
            .failure(.answered(code: -32601, message: "")), .failure(.answered(code: -32600, message: "")),
            .failure(.answered(code: -32022, message: "", supported: ["2025-11-25"])),
            .failure(.answered(code: -32022, message: "")), .failure(.refused(status: 400)),
            .failure(.refused(status: 404)), .failure(.refused(status: 405)), .failure(.violation("")),
            .success("{}"), .success(#"{"supportedVersions":["2025-11-25"]}"#),
        ]
        for word in words {
            let steps = try play(word, .success(agreed))
            #expect(steps == [.discover, .initialize, .ready(.legacy("2025-06-18"))], "\(word)")
        }
    }

    @Test func `an outage says nothing of the era, and silence only where a word would be an answer`() throws {
        let outages: [RemoteError] = [
            .unreachable("x"), .refused(status: 500), .refused(status: 503), .refused(status: 429), .unauthorized(401),
            .timedOut, .ended("x"), .tooLarge("x"),
        ]
        for outage in outages { #expect(try play(.failure(outage)) == [.discover, .failed(outage)]) }
        #expect(try play(silenceIsLegacy: true, .failure(.timedOut)) == [.discover, .initialize])
    }

    @Test func `a modern server that will not have us is not asked for a handshake`() throws {
        for code in [-32020, -32021] {
            let error = RemoteError.answered(code: code, message: "")
            #expect(try play(.failure(error)) == [.discover, .failed(error)])
        }
        let others = RemoteError.answered(code: -32022, message: "", supported: ["2030-01-01"])
        #expect(try play(.failure(others)).last == .failed(.incompatible(["2030-01-01"])))
        #expect(
            try play(.success(#"{"supportedVersions":["2030-01-01"]}"#)).last == .failed(.incompatible(["2030-01-01"]))
        )
    }

    @Test func `what worked the last time is tried first, and each question is asked once`() throws {
        let last = Revision.legacy("2025-11-25")
        #expect(try play(last: last, .success(agreed)) == [.initialize, .ready(.legacy("2025-06-18"))])
        let gone = RemoteError.answered(code: -32601, message: "")
        #expect(try play(last: last, .failure(gone), .success(modern)) == [.initialize, .discover, .ready(.modern)])
        #expect(try play(last: last, .failure(gone), .failure(gone)) == [.initialize, .discover, .failed(gone)])
        #expect(try play(.failure(gone), .failure(gone)) == [.discover, .initialize, .failed(gone)])
        let unknown = #"{"protocolVersion":"1999-01-01"}"#
        #expect(try play(.failure(gone), .success(unknown)).last == .failed(.incompatible(["1999-01-01"])))
    }

    // MARK: - Messages

    @Test func `what is no message is a violation that has a name`() {
        let texts = [
            "", "nonsense", "[]", "{}", #"{"jsonrpc":"1.0","id":1,"result":{}}"#, #"{"jsonrpc":"2.0","id":1}"#,
            #"{"jsonrpc":"2.0","id":1,"result":3}"#, #"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            #"{"jsonrpc":"2.0","method":7}"#, #"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
        ]
        for text in texts {
            #expect("\(text)") {
                _ = try Message(parsing: Array(text.utf8))
            } throws: { error in
                if case RemoteError.violation = error { true } else { false }
            }
        }
    }

    @Test func `an error keeps its code, and as much of the server's words as fits`() throws {
        let words = String(repeating: "ü", count: 5_000)
        let text = #"{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"\#(words)"}}"#
        guard case .answer(4, .failure(.answered(-32602, let message, _))) = try Message(parsing: Array(text.utf8))
        else {
            Issue.record("not read as an error")
            return
        }
        #expect(message.utf8.count <= 2_000 && message.hasSuffix("…"))
        #expect(!RemoteError.answered(code: -32602, message: message).description.contains("ü"))
    }

    // MARK: - Lists

    private func tool(_ name: String, _ more: String = "", schema: String = #"{"type":"object"}"#) -> String {
        #"{"name":"\#(name)","inputSchema":\#(schema)\#(more)}"#
    }

    @Test func `what is no tool is left out, and the others are taken`() throws {
        var list = ToolList()
        let tools = [
            tool("good", #","annotations":{"readOnlyHint":true,"idempotentHint":true,"title":"Good"}"#),
            tool("bad name"),
            tool(""), #"{"name":"no-schema"}"#, tool("odd-schema", schema: "3"),
            tool("array", schema: #"{"type":"array"}"#), tool("good"), tool("dir/sub.tool"), "7",
        ]
        #expect(try list.take(json(#"{"tools":[\#(tools.joined(separator: ","))],"nextCursor":""}"#)) == "")
        #expect(try list.take(json(#"{"tools":[]}"#)) == nil)
        #expect(list.tools.map(\.name) == ["good", "dir/sub.tool"])
        #expect(list.tools[0].isReadOnly && list.tools[0].isIdempotent && list.tools[0].title == "Good")
        #expect(list.unusable.map(\.name) == ["bad name", "", "no-schema", "odd-schema", "array", "good", ""])
    }

    @Test func `lists are bounded in tools, bytes and pages`() throws {
        var many = ToolList()
        let names = (0...ToolList.maximumTools).map { tool("t\($0)") }.joined(separator: ",")
        #expect(throws: RemoteError.tooLarge("more than 1000 tools")) {
            try many.take(json(#"{"tools":[\#(names)]}"#))
        }
        var large = ToolList()
        let text = String(repeating: "x", count: 600_000)
        let page = #"{"tools":[\#(tool("t", #","description":"\#(text)""#))],"nextCursor":"a"}"#
        #expect(try large.take(json(page)) == "a")
        #expect(throws: RemoteError.tooLarge("more than 1048576 bytes of tools")) { try large.take(json(page)) }
        var endless = ToolList()
        var pages = 0
        #expect(throws: RemoteError.tooLarge("more than 100 pages of tools")) {
            for _ in 0..<1_000 where try endless.take(json(#"{"tools":[],"nextCursor":"again"}"#)) != nil { pages += 1 }
        }
        #expect(pages == 99)
        var odd = ToolList()
        #expect(throws: RemoteError.self) { try odd.take(json(#"{"tools":[],"nextCursor":7}"#)) }
        #expect(throws: RemoteError.self) { try odd.take(json("{}")) }
    }

    // MARK: - Headers

    @Test func `arguments are repeated in headers where the schema says so`() throws {
        let schema = """
            {"type":"object","properties":{
              "region":{"type":"string","x-mcp-header":"Region"},
              "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
              "flag":{"type":"boolean","x-mcp-header":"Flag"}}}
            """
        let tool = try RemoteTool(json(tool("t", schema: schema)))
        func headers(_ arguments: String) throws -> [String] {
            try tool.headers.compactMap { try $0.header(for: json(arguments)) }.map { "\($0.name): \($0.value)" }
        }
        #expect(
            try headers(#"{"region":"eu","deep":{"n":3},"flag":false}"#)
                == ["Mcp-Param-Region: eu", "Mcp-Param-N: 3", "Mcp-Param-Flag: false"]
        )
        #expect(try headers(#"{"region":null,"deep":7}"#) == [])
        #expect(try headers(#"{"region":"Zürich"}"#) == ["Mcp-Param-Region: =?base64?WsO8cmljaA==?="])
        for value in ["", " a", "a ", "=?base64?x?="] { #expect(HeaderText.encode(value).hasPrefix("=?base64?")) }
    }

    @Test func `a tool that wants a header where none can be is not usable`() throws {
        let schemas = [
            #"{"type":"object","x-mcp-header":"A"}"#,
            #"{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
            #"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A B"}}}"#,
            #"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":7}}}"#,
            #"{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
            #"{"type":"object","$defs":{"a":{"type":"string","x-mcp-header":"A"}}}"#,
            """
            {"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"},
              "b":{"type":"string","x-mcp-header":"a"}}}
            """,
        ]
        for schema in schemas {
            #expect(throws: RemoteTool.Unusable.self, "\(schema)") { try RemoteTool(json(tool("t", schema: schema))) }
        }
        // Data that looks like one is none.
        let plain = #"{"type":"object","properties":{"a":{"type":"string","default":{"x-mcp-header":"A"}}}}"#
        #expect(try RemoteTool(json(tool("t", schema: plain))).headers == [])
    }

    // MARK: - Answers

    @Test func `pieces of an answer are read, and what is not known is not taken for text`() throws {
        let answer = try RemoteAnswer(
            json(
                """
                {"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"},
                  {"type":"resource_link","uri":"x://y"},{"type":"resource","resource":{"uri":"x://z","text":"t"}},
                  {"type":"resource","resource":{"uri":"x://b","blob":"AA=="}},{"type":"hologram"}],
                 "structuredContent":{"n":1},"isError":true}
                """
            )
        )
        #expect(
            answer.content == [
                .text("a"), .image(base64: "AA==", type: "image/png"), .link(uri: "x://y", name: "x://y", type: nil),
                .resource(uri: "x://z", type: nil, text: "t"), .blob(uri: "x://b", type: nil, base64: "AA=="),
                .other("hologram"),
            ]
        )
        #expect(answer.structured == RawJSON(#"{"n":1}"#) && answer.isError)
        for text in [
            "{}", #"{"content":{}}"#, #"{"content":[{"type":"text"}]}"#, #"{"content":[],"resultType":"task"}"#,
        ] {
            #expect(throws: RemoteError.self, "\(text)") { try RemoteAnswer(json(text)) }
        }
        #expect(throws: RemoteError.asksForInput) {
            try RemoteAnswer(json(#"{"resultType":"input_required","inputRequests":{}}"#))
        }
        let pieces = Array(repeating: #"{"type":"text","text":""}"#, count: 1_001).joined(separator: ",")
        #expect(throws: RemoteError.tooLarge("pieces of an answer")) {
            try RemoteAnswer(json(#"{"content":[\#(pieces)]}"#))
        }
    }
}
