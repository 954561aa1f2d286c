import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Lifecycle
import Postgres
import Store
import Telemetry
import Testing

@testable import AgentService

/// Tools: what clients are told of them, the rules of their calls, and their records.
@Suite(.timeLimit(.minutes(2))) struct ToolTests {
    @Test func `a tool is a route, with its rules, events and refusals`() async throws {
        try await AgentFixture.run { fixture in
            let made = try await fixture.tool("create_project", #"{"title":"By a model"}"#)
            #expect(made["isError"]?.bool == false)
            let project = try #require(made["structuredContent"]?["project_id"]?.string.flatMap { ProjectID($0) })
            #expect(made["content"]?.elements.first { _ in true }?["text"]?.string == made["structuredContent"]?.text)
            let plan = #"{"id":"\#(project)","title":"A","task_type":"image","cards":[{"title":"C","prompt":"p"}]}"#
            let activity = try await fixture.tool("create_activity", plan)
            let card = try #require(
                activity["structuredContent"]?["cards"]?.elements.first { _ in true }?["card_id"]?.string
            )
            #expect(try await fixture.events(of: try #require(UUID(card))).map(\.change) == ["created"])
            let listed = try await fixture.tool("list_projects", #"{"limit":1}"#)
            #expect(listed["structuredContent"]?["items"]?.elements.reduce(0) { count, _ in count + 1 } == 1)
            _ = try await fixture.tool("update_card", #"{"id":"\#(card)","status":"review"}"#)
            let seen = try await fixture.send("GET", "/api/cards/\(card)")
            #expect(seen.json["status"]?.string == "review")
            let deleted = try await fixture.tool("delete_card", #"{"id":"\#(card)"}"#)
            #expect(deleted["structuredContent"]?.text == "{}")

            for (tool, arguments, code) in [
                ("get_card", #"{"id":"\#(card)"}"#, "CARD_NOT_FOUND"), ("get_card", "{}", "VALIDATION_FAILED"),
                ("get_card", #"{"id":"\#(card)","more":1}"#, "VALIDATION_FAILED"),
                ("update_card", #"{"id":"\#(card)","status":"odd"}"#, "VALIDATION_FAILED"),
                ("list_projects", #"{"limit":0}"#, "VALIDATION_FAILED"),
                ("submit_job", #"{"id":"\#(card)"}"#, "CARD_NOT_FOUND"),
            ] {
                let refused = try await fixture.tool(tool, arguments)
                #expect(refused["isError"]?.bool == true, "\(tool)")
                let text = refused["content"]?.elements.first { _ in true }?["text"]?.string ?? "{}"
                #expect(try JSONDocument(parsing: text).root["error"]?["code"]?.string == code, "\(tool): \(text)")
            }
        }
    }

    @Test func `what clients are told follows from the effect, and nobody sees what they may not call`() async throws {
        try await AgentFixture.run { fixture in
            let listed = try await fixture.mcp("tools/list").json["result"]?["tools"]?.elements.map { $0 } ?? []
            let names = listed.compactMap { $0["name"]?.string }
            #expect(names == names.sorted())
            #expect(Set(names).count == names.count)
            let facts = Dictionary(uniqueKeysWithValues: listed.map { ($0["name"]?.string ?? "", $0["annotations"]) })
            func hints(_ name: String) -> [Bool?] {
                ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"].map { facts[name]??[$0]?.bool }
            }
            #expect(hints("get_project") == [true, false, true, false])
            #expect(hints("update_card") == [false, false, false, false])
            #expect(hints("approve_asset") == [false, false, true, false])
            #expect(hints("delete_project") == [false, true, false, false])
            #expect(hints("submit_job") == [false, true, false, true])
            // The schemas are those of the routes: what does not fit is refused by both.
            for tool in listed { _ = try JSONSchema(parsing: try #require(tool["inputSchema"])) }

            let reader = try await fixture.token([.mcp, .projectsRead])
            let seen = try await fixture.mcp("tools/list", token: reader).json["result"]?["tools"]?.elements
                .compactMap { $0["annotations"]?["readOnlyHint"]?.bool }
            #expect(seen?.isEmpty == false)
            #expect(seen?.allSatisfy { $0 } == true)
            let refused = try await fixture.tool("create_project", #"{"title":"T"}"#, token: reader)
            #expect(refused["isError"]?.bool == true)
            #expect(refused["content"]?.text.contains("FORBIDDEN") == true)
        }
    }

    @Test func `every call is recorded, however it ended`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            _ = try await fixture.tool("test_simple_text")
            _ = try await fixture.tool("test_error_handling")
            _ = try await fixture.tool("test_validation", #"{"count":9}"#)
            _ = try await fixture.tool("get_project", #"{"id":"\#(IdentifierSource().uuid())"}"#)
            #expect(
                try await fixture.toolCalls() == [
                    "test_simple_text succeeded", "test_error_handling failed",
                    "test_validation refused VALIDATION_FAILED", "get_project refused PROJECT_NOT_FOUND",
                ]
            )
            let one = try await fixture.send("GET", "/api/tool-calls?tool=get_project&outcome=refused")
            let call = try #require(one.json["items"]?.elements.first { _ in true })
            #expect(call["principal"]?.string == "dev")
            #expect(call["source"]?.string == "mcp")
            #expect((call["duration_ms"]?.double ?? 0) > 0)
            let reader = try await fixture.token([.projectsRead])
            #expect(try await fixture.send("GET", "/api/tool-calls", token: reader).status == 403)
            try await fixture.pool.execute("UPDATE agent.tool_calls SET at = now() - interval '31 days'")
            #expect(
                try await fixture.pool.execute(ToolStatements.forget(olderThan: .seconds(86_400 * 30), atMost: 3)) == 3
            )
        }
    }

    @Test func `two tools of one name, and names that are none, are refused at once`() async throws {
        try await AgentFixture.run { fixture in
            let recorder = ToolRecorder(pool: fixture.pool, keep: .seconds(1), logger: .silent, metrics: Metrics())
            func register(_ names: String...) throws {
                _ = try ToolRegistry(names.map { ToolTests.tool($0) }, recorder: recorder, logger: .silent)
            }
            try register("a", "b")
            #expect(throws: ToolRegistry.Refused.self) { try register("a", "b", "a") }
            for name in ["", "a.b", "a b", "ä", String(repeating: "a", count: 65)] {
                #expect(throws: ToolRegistry.Refused.self) { try register(name) }
            }
        }
    }

    @Test func `a tool that takes too long, fails or breaks its promise is an answer that says so`() async throws {
        try await AgentFixture.run { fixture in
            let recorder = ToolRecorder(pool: fixture.pool, keep: .seconds(1), logger: .silent, metrics: Metrics())
            let promise = JSONSchema.object([.required("n", .integer(0...9))])
            let tools = [
                ToolTests.tool("slow", timeout: .milliseconds(20)) { _ in
                    // Nobody ever fulfils it: only the time limit ends this.
                    try await Promise<Void>().value()
                    return .text("")
                }, ToolTests.tool("broken") { _ in throw StoredValue.Missing() },
                ToolTests.tool("liar", output: promise) { _ in .object(RawJSON(#"{"n":10}"#)) },
                ToolTests.tool("mute", output: promise) { _ in .text("n") },
                ToolTests.tool("good", output: promise) { _ in .object(RawJSON(#"{"n":9}"#)) },
            ]
            let registry = try ToolRegistry(tools, recorder: recorder, logger: .silent)
            var ends: [String] = []
            for tool in registry.tools {
                let call = ToolCall(
                    principal: Principal(name: "me", scopes: []),
                    arguments: try JSONDocument(parsing: "{}").root,
                    requestID: "r",
                    trace: .root()
                )
                let answer = try await registry.call(tool, call, from: .mcp)
                ends.append("\(tool.name) \(answer.isError)")
            }
            #expect(ends == ["broken true", "good false", "liar true", "mute true", "slow true"])
            #expect(
                try await fixture.toolCalls() == [
                    "broken refused INTERNAL_ERROR", "good succeeded", "liar refused INTERNAL_ERROR",
                    "mute refused INTERNAL_ERROR", "slow timed_out DEADLINE_EXCEEDED",
                ]
            )
        }
    }

    private static func tool(
        _ name: String,
        output: JSONSchema? = nil,
        timeout: Duration = .seconds(5),
        _ run: @escaping @Sendable (ToolCall) async throws -> ToolAnswer = { _ in .text("") }
    ) -> Tool {
        Tool(
            name: name,
            title: name,
            summary: name,
            input: .object([]),
            output: output,
            effect: .read,
            scope: nil,
            timeout: timeout,
            run: run
        )
    }
}
