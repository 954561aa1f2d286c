import Concurrency
import Contracts
import Foundation
import HTTPClient
import JSON
import Kernel
import TestSupport
import Testing

@testable import AgentService

/// What a legacy session is asked and told beside the answers to its calls.
@Suite(.timeLimit(.minutes(2))) struct MCPLegacyTests {
    private static let everything = #"{"elicitation":{},"sampling":{},"roots":{}}"#

    /// Answers a question of the server.
    private static func answer(
        _ fixture: AgentFixture,
        _ question: JSONElement,
        _ outcome: String,
        session: String
    ) async throws -> Int {
        let id = question["id"]?.text ?? ""
        return try await fixture.legacy(#"{"jsonrpc":"2.0","id":\#(id),\#(outcome)}"#, session: session).status
    }

    @Test func `a question on the stream of its call is answered at any replica`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            try await fixture.withReplica { other in
                let session = try await fixture.session(MCPLegacyTests.everything)
                let tool = "test_input_required_result_multiple_inputs"
                try await fixture.stream(tool, session: session) { reader in
                    var asked: Set<String> = []
                    for (index, replica) in [fixture, other, other].enumerated() {
                        let question = try await reader.next()
                        let method = question["method"]?.string ?? ""
                        asked.insert(method)
                        let result =
                            switch method {
                            case "elicitation/create": #"{"action":"accept","content":{"name":"Ada"}}"#
                            case "roots/list": #"{"roots":[]}"#
                            default: #"{"role":"assistant","content":{"type":"text","text":"Hi"},"model":"m"}"#
                            }
                        // Somebody else's answer is nobody's, and only the first counts.
                        let stranger = try await fixture.session()
                        for (who, text) in [
                            (stranger, #""error":{}"#), (session, #""result":\#(result)"#), (session, #""error":{}"#),
                        ] {
                            let status = try await MCPLegacyTests.answer(replica, question, text, session: who)
                            #expect(status == 202, "\(index)")
                        }
                    }
                    #expect(asked == ["elicitation/create", "roots/list", "sampling/createMessage"])
                    let answer = try await reader.answer(to: tool).answer
                    #expect(answer["result"]?.text.contains("All of") == true, "\(answer.text)")
                }
            }
        }
    }

    @Test func `a client that cannot be asked, or will not be, hears so`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let bare = try await fixture.session()
            let tool = "test_input_required_result_elicitation"
            let call = #"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"\#(tool)","arguments":{}}}"#
            let refused = try await fixture.legacy(call, session: bare)
            #expect(refused.status == 200 && refused.json["error"]?["code"]?.int == -32602)
            let session = try await fixture.session(MCPLegacyTests.everything)
            try await fixture.stream(tool, session: session) { reader in
                let question = try await reader.next()
                let refusal = #""error":{"code":-1,"message":"nobody is here"}"#
                _ = try await MCPLegacyTests.answer(fixture, question, refusal, session: session)
                let answer = try await reader.answer(to: tool).answer
                #expect(answer["error"]?["message"]?.string?.contains("nobody is here") == true)
            }
            // An answer to nothing is nobody's loss.
            let stray = #"{"jsonrpc":"2.0","id":987,"result":{}}"#
            #expect(try await fixture.legacy(stray, session: session).status == 202)
        }
    }

    @Test func `messages come to who wants them, by how much they matter`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            func levels(of messages: [JSONElement]) -> [String?] {
                messages.filter { $0["method"]?.string == "notifications/message" }
                    .map { $0["params"]?["level"]?.string }
            }
            let session = try await fixture.session()
            let tool = "test_tool_with_logging"
            func heard() async throws -> [String?] {
                let heard = Lock<[String?]>([])
                try await fixture.stream(tool, session: session) { reader in
                    let before = try await reader.answer(to: tool).before
                    heard.withLock { $0 = levels(of: before) }
                }
                return heard.withLock { $0 }
            }
            func set(_ level: String) async throws -> AgentFixture.Answer {
                let parameters = #"{"level":"\#(level)"}"#
                let body = #"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":\#(parameters)}"#
                return try await fixture.legacy(body, session: session)
            }
            #expect(try await heard() == ["info", "info", "info"])
            #expect(try await set("debug").json["result"]?.text == "{}")
            #expect(try await heard() == ["info", "info", "info", "debug"])
            #expect(try await set("shout").json["error"]?["code"]?.int == -32602)
            _ = try await set("notice")
            let call = #"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"\#(tool)","arguments":{}}}"#
            let quiet = try await fixture.legacy(call, session: session)
            #expect(quiet.response.headers["Content-Type"] == "application/json")
            // A modern client that does not say hears nothing.
            let plain = try await fixture.mcp("tools/call", #""name":"\#(tool)","arguments":{}"#)
            #expect(plain.response.headers["Content-Type"] == "application/json")
            let level = #","io.modelcontextprotocol/logLevel":"debug""#
            let told = try await fixture.mcp("tools/call", #""name":"\#(tool)","arguments":{}"#, meta: level)
            #expect(told.response.text.components(separatedBy: "notifications/message").count == 5)
            let wrong = #","io.modelcontextprotocol/logLevel":"shout""#
            let refused = try await fixture.mcp("tools/call", #""name":"\#(tool)","arguments":{}"#, meta: wrong)
            #expect(refused.status == 400 && refused.json["error"]?["code"]?.int == -32602)
        }
    }

    @Test func `a session hears once of a resource that changes, by its newest stream, whichever replica has it`()
        async throws
    {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            try await fixture.withReplica { other in
                let session = try await fixture.session()
                let project = try await fixture.project()
                let uri = "martlet://projects/\(project)/memory"
                func send(_ method: String, _ uri: String) async throws -> JSONElement {
                    let body = #"{"jsonrpc":"2.0","id":1,"method":"resources/\#(method)","params":{"uri":"\#(uri)"}}"#
                    return try await fixture.legacy(body, session: session).json
                }
                #expect(try await send("subscribe", "martlet://none")["error"]?["code"]?.int == -32002)
                try await fixture.resume(session: session) { old in
                    try await other.resume(session: session) { reader in
                        // The older one ends by itself, without a word.
                        #expect(try await old.event() == nil)
                        #expect(try await send("subscribe", uri)["result"]?.text == "{}")
                        // What has changed before it was heard of nobody knows.
                        #expect(try await reader.next()["params"]?["uri"]?.string == uri)
                        // One more may come because the feed of events has begun; the others are of changes.
                        for _ in 0..<3 {
                            _ = try await fixture.activity(in: project)
                            let told = try await reader.next()
                            #expect(told["method"]?.string == "notifications/resources/updated")
                            #expect(told["params"]?["uri"]?.string == uri && told["id"] == nil)
                        }
                        #expect(try await send("unsubscribe", uri)["result"]?.text == "{}")
                        _ = try await send("subscribe", "test://watched-resource")
                        while try await reader.next()["params"]?["uri"]?.string == uri {}
                        _ = try await fixture.send("DELETE", "/mcp", headers: [("Mcp-Session-Id", session)])
                        while try await reader.event() != nil {}
                    }
                }
            }
        }
    }
}
