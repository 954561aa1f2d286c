import Contracts
import HTTPClient
import JSON
import Kernel
import Store
import Telemetry
import Testing

@testable import AgentService

/// Tools that ask their caller, in the modern era: by results that come again with the answers.
@Suite(.timeLimit(.minutes(2))) struct MCPAskingTests {
    private static let everything = #"{"elicitation":{},"sampling":{},"roots":{}}"#

    /// A round of a call.
    private static func call(
        _ fixture: AgentFixture,
        _ tool: String,
        _ arguments: String = "{}",
        state: String? = nil,
        answers: String? = nil,
        capabilities: String = everything,
        token: String = "dev-token"
    ) async throws -> AgentFixture.Answer {
        var parameters = #""name":"\#(tool)","arguments":\#(arguments)"#
        if let state { parameters += #","requestState":"\#(state)""# }
        if let answers { parameters += #","inputResponses":\#(answers)"# }
        return try await fixture.mcp("tools/call", parameters, capabilities: capabilities, token: token)
    }

    private static func text(_ result: JSONElement?) -> String? {
        result?["content"]?.elements.first { _ in true }?["text"]?.string
    }

    @Test func `a tool that asks goes on with what is answered, in as many rounds as it needs, at any replica`()
        async throws
    {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            try await fixture.withReplica { other in
                let tool = "test_input_required_result_multi_round"
                let first = try await MCPAskingTests.call(fixture, tool).json["result"]
                #expect(first?["resultType"]?.string == "input_required" && first?["ttlMs"] == nil)
                let question = first?["inputRequests"]?["step1"]
                #expect(question?["method"]?.string == "elicitation/create")
                #expect(question?["params"]?["requestedSchema"]?["type"]?.string == "object")
                let one = try #require(first?["requestState"]?.string)
                let name = #"{"step1":{"action":"accept","content":{"name":"Ada"}},"stray":{"action":"accept"}}"#
                let second = try await MCPAskingTests.call(other, tool, state: one, answers: name).json["result"]
                #expect(second?["inputRequests"]?.members.map(\.name) == ["step2"])
                let two = try #require(second?["requestState"]?.string)
                let color = #"{"step2":{"action":"accept","content":{"color":"blue"}}}"#
                let third = try await MCPAskingTests.call(fixture, tool, state: two, answers: color).json["result"]
                #expect(third?["resultType"]?.string == "complete" && MCPAskingTests.text(third) == "Ada likes blue")
                // Only the round that ended the call is one.
                #expect(try await fixture.toolCalls() == ["\(tool) succeeded"])
            }
        }
    }

    @Test func `what is missing is asked again, and what does not fit is refused`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let tool = "test_input_required_result_elicitation"
            let first = try await MCPAskingTests.call(fixture, tool).json["result"]
            let state = try #require(first?["requestState"]?.string)
            for answers in [nil, "{}", #"{"other":{"action":"accept"}}"#, #"{"user_name":null}"#] {
                let again = try await MCPAskingTests.call(fixture, tool, state: state, answers: answers).json["result"]
                #expect(again?["resultType"]?.string == "input_required", "\(answers ?? "")")
            }
            // Answers to what was never asked are none.
            let bold = #"{"user_name":{"action":"accept","content":{"name":"Eve"}}}"#
            let unasked = try await MCPAskingTests.call(fixture, tool, answers: bold).json["result"]
            #expect(unasked?["resultType"]?.string == "input_required")
            for answer in [#""yes""#, #"{"action":"maybe"}"#, #"{"action":"accept","content":{"name":7}}"#] {
                let answers = #"{"user_name":\#(answer)}"#
                let refused = try await MCPAskingTests.call(fixture, tool, state: state, answers: answers)
                    .json["result"]
                #expect(refused?["isError"]?.bool == true, "\(answer)")
                #expect(MCPAskingTests.text(refused)?.contains("/user_name") == true)
            }
            for (state, answers) in [(state, #""nonsense""#), (state, "[]"), ("", "{}"), ("7", "{}")] {
                let answer = try await MCPAskingTests.call(fixture, tool, state: state, answers: answers)
                #expect(answer.json["error"]?["code"]?.int == -32602, "\(state) \(answers)")
            }
            let declined = #"{"user_name":{"action":"decline"}}"#
            let result = try await MCPAskingTests.call(fixture, tool, state: state, answers: declined).json["result"]
            #expect(MCPAskingTests.text(result) == "Hello, stranger!")
        }
    }

    @Test func `a state opens for its own call, its own caller and its own time alone`() async throws {
        let principal = Principal(name: "me", scopes: [.mcp])
        func request(
            _ tool: String = "t",
            _ arguments: String = #"{"a":1,"b":2}"#,
            method: String = "tools/call",
            as principal: Principal
        ) throws -> MCPRequest {
            let parameters = #"{"name":"\#(tool)","arguments":\#(arguments)}"#
            let text = #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(parameters)}"#
            return MCPRequest(
                message: try MCPMessage(parsing: Array(text.utf8)),
                session: nil,
                principal: principal,
                requestID: "r",
                trace: .root(),
                outbox: MCPOutbox()
            )
        }
        func seal(_ secret: String = "secret", at seconds: Int64 = 0) -> MCPSeal {
            MCPSeal(secret: Secret(secret), clock: WallClock { Timestamp(microseconds: seconds * 1_000_000) })
        }
        let state = MCPRequestState(
            call: IdentifierSource().uuid(),
            asked: ["q"],
            answers: ["p": try JSONDocument(parsing: #"{"x":[1]}"#).root]
        )
        let mine = try request(as: principal)
        let sealed = try seal().seal(state, for: mine)
        // The order of members means nothing; any process with the secret opens it.
        let same = try seal(at: 599).open(sealed, for: request("t", #"{"b":2,"a":1}"#, as: principal))
        #expect(same.call == state.call && same.asked == ["q"] && same.answers["p"]?.text == #"{"x":[1]}"#)
        let foreign: [(MCPSeal, MCPRequest)] = [
            (seal(at: 600), mine), (seal("another"), mine), (seal(), try request("u", as: principal)),
            (seal(), try request("t", #"{"a":1}"#, as: principal)),
            (seal(), try request(method: "prompts/get", as: principal)),
            (seal(), try request(as: Principal(name: "you", scopes: [.mcp]))),
            (seal(), try request(as: Principal(name: "me", scopes: [.mcp], project: IdentifierSource().next()))),
        ]
        for (seal, request) in foreign { #expect(throws: MCPError.self) { try seal.open(sealed, for: request) } }
        for place in 0..<sealed.utf8.count {
            var changed = Array(sealed.utf8)
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: MCPError.self) { try seal().open(String(decoding: changed, as: UTF8.self), for: mine) }
        }
    }

    @Test func `nobody is asked for what they have not declared`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            for (tool, capabilities, needed) in [
                ("test_input_required_result_elicitation", "{}", #"{"elicitation":{"form":{}}}"#),
                (
                    "test_input_required_result_elicitation", #"{"elicitation":{"url":{}},"roots":{}}"#,
                    #"{"elicitation":{"form":{}}}"#
                ), ("test_missing_capability", #"{"elicitation":{}}"#, #"{"sampling":{}}"#),
                (
                    "test_input_required_result_multiple_inputs", #"{"elicitation":{"form":{}}}"#,
                    #"{"sampling":{},"roots":{}}"#
                ),
            ] {
                let answer = try await MCPAskingTests.call(fixture, tool, capabilities: capabilities)
                #expect(answer.status == 400 && answer.json["error"]?["code"]?.int == -32021, "\(tool)")
                #expect(answer.json["error"]?["data"]?["requiredCapabilities"]?.text == needed)
            }
            let some = try await MCPAskingTests.call(
                fixture,
                "test_input_required_result_capabilities",
                capabilities: #"{"sampling":{}}"#
            )
            let asked = some.json["result"]?["inputRequests"]?.members.map { $0.value["method"]?.string }
            #expect(asked == ["sampling/createMessage"])
        }
    }

    @Test func `a prompt may ask too`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let name = #""name":"test_input_required_result_prompt""#
            let first = try await fixture.mcp("prompts/get", name, capabilities: MCPAskingTests.everything)
                .json["result"]
            #expect(first?["resultType"]?.string == "input_required")
            let state = try #require(first?["requestState"]?.string)
            let answers = #""inputResponses":{"user_context":{"action":"accept","content":{"context":"a film"}}}"#
            let second = try await fixture.mcp("prompts/get", #"\#(name),"requestState":"\#(state)",\#(answers)"#)
            #expect(second.json["result"]?["messages"]?.text.contains("The context: a film") == true)
        }
    }
}
