import Contracts
import HTTPClient
import JSON
import Kernel
import Testing

@testable import AgentService

/// A person agrees before a tool does what cannot be undone, where that is wished.
@Suite(.timeLimit(.minutes(2))) struct MCPConfirmTests {
    private static let environment = ["MCP_CONFIRM": "irreversible"]

    private static func delete(
        _ fixture: AgentFixture,
        _ project: ProjectID,
        _ more: String = "",
        capabilities: String = #"{"elicitation":{}}"#
    ) async throws -> JSONElement? {
        let call = #""name":"delete_project","arguments":{"id":"\#(project)"}\#(more)"#
        return try await fixture.mcp("tools/call", call, capabilities: capabilities).json["result"]
    }

    private static func isThere(_ fixture: AgentFixture, _ project: ProjectID) async throws -> Bool {
        try await fixture.send("GET", "/api/projects/\(project)").status == 200
    }

    @Test func `what cannot be undone happens once a person has agreed to it, and once`() async throws {
        try await AgentFixture.run(MCPConfirmTests.environment) { fixture in
            let project = try await fixture.project()
            let asked = try await MCPConfirmTests.delete(fixture, project)
            #expect(asked?["resultType"]?.string == "input_required")
            let message = asked?["inputRequests"]?["confirm"]?["params"]?["message"]?.string
            #expect(message?.contains("Delete a project?") == true && message?.contains("\(project)") == true)
            let state = #","requestState":"\#(try #require(asked?["requestState"]?.string))""#
            for answer in ["decline", "cancel"] {
                let answers = #"\#(state),"inputResponses":{"confirm":{"action":"\#(answer)"}}"#
                let result = try await MCPConfirmTests.delete(fixture, project, answers)
                #expect(result?["isError"]?.bool == true && result?.text.contains("did not agree") == true)
                #expect(try await MCPConfirmTests.isThere(fixture, project))
            }
            let yes = #""inputResponses":{"confirm":{"action":"accept"}}"#
            // Leave for one project is none for another.
            let other = try await fixture.project()
            let stolen = #""name":"delete_project","arguments":{"id":"\#(other)"}\#(state),\#(yes)"#
            #expect(try await fixture.mcp("tools/call", stolen).json["error"]?["code"]?.int == -32602)
            #expect(try await MCPConfirmTests.isThere(fixture, other))
            let done = try await MCPConfirmTests.delete(fixture, project, "\(state),\(yes)")
            #expect(done?["isError"]?.bool == false)
            #expect(try await !MCPConfirmTests.isThere(fixture, project))
            // The same consent again is the same call again, which has happened.
            let again = try await MCPConfirmTests.delete(fixture, project, "\(state),\(yes)")
            #expect(again?["isError"]?.bool == false)
            #expect(again?["content"]?.text == done?["content"]?.text)
        }
    }

    @Test func `who cannot ask a person is refused in words, and what can be undone is not asked about`() async throws {
        try await AgentFixture.run(MCPConfirmTests.environment) { fixture in
            let project = try await fixture.project()
            for capabilities in ["{}", #"{"elicitation":{"url":{}}}"#] {
                let refused = try await MCPConfirmTests.delete(fixture, project, capabilities: capabilities)
                #expect(refused?["isError"]?.bool == true && refused?.text.contains("cannot ask") == true)
            }
            #expect(try await MCPConfirmTests.isThere(fixture, project))
            let made = try await fixture.tool("create_project", #"{"title":"Another"}"#)
            #expect(made["isError"]?.bool == false)
            // Nobody is asked about a call that would be refused anyway.
            let call = #""name":"delete_project","arguments":{"id":"x"}"#
            let wrong = try await fixture.mcp("tools/call", call, capabilities: #"{"elicitation":{}}"#).json["result"]
            #expect(wrong?["isError"]?.bool == true && wrong?.text.contains("VALIDATION_FAILED") == true)
        }
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            #expect(try await MCPConfirmTests.delete(fixture, project)?["isError"]?.bool == false)
        }
    }

    @Test func `a legacy client is asked on the stream of its call`() async throws {
        try await AgentFixture.run(MCPConfirmTests.environment) { fixture in
            for (action, isThere) in [("decline", true), ("accept", false)] {
                let project = try await fixture.project()
                let session = try await fixture.session(#"{"elicitation":{}}"#)
                let arguments = #"{"id":"\#(project)"}"#
                try await fixture.stream("delete_project", arguments, session: session) { reader in
                    let question = try await reader.next()
                    #expect(question["params"]?["message"]?.string?.contains("\(project)") == true)
                    let id = question["id"]?.string ?? ""
                    let answer = #"{"jsonrpc":"2.0","id":"\#(id)","result":{"action":"\#(action)"}}"#
                    #expect(try await fixture.legacy(answer, session: session).status == 202)
                    let result = try await reader.answer(to: "delete_project").answer["result"]
                    #expect(result?["isError"]?.bool == isThere)
                }
                #expect(try await MCPConfirmTests.isThere(fixture, project) == isThere)
            }
        }
    }
}
