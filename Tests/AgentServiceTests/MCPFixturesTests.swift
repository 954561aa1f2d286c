import Foundation
import HTTPClient
import JSON
import TestSupport
import Testing

@testable import AgentService

/// What the official conformance suite calls by name.
@Suite(.timeLimit(.minutes(2))) struct MCPFixturesTests {
    private static let tools: Set = [
        "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource",
        "test_multiple_content_types", "test_tool_with_logging", "test_tool_with_progress", "test_error_handling",
        "test_sampling", "test_elicitation", "test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums",
        "test_reconnection", "test_missing_capability", "test_streaming_elicitation", "test_logging_tool",
        "test_trigger_tool_change", "test_trigger_prompt_change", "json_schema_2020_12_tool",
        "test_input_required_result_elicitation", "test_input_required_result_sampling",
        "test_input_required_result_list_roots", "test_input_required_result_request_state",
        "test_input_required_result_multiple_inputs", "test_input_required_result_multi_round",
        "test_input_required_result_tampered_state", "test_input_required_result_capabilities",
    ]

    @Test func `the suite finds all that it calls, and its schemas as they were written`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            var tools: [String: JSONElement] = [:]
            var cursor = ""
            repeat {
                let page = try await fixture.mcp("tools/list", cursor).json["result"]
                for tool in page?["tools"]?.elements.map({ $0 }) ?? [] { tools[tool["name"]?.string ?? ""] = tool }
                cursor = page?["nextCursor"]?.string.map { #""cursor":"\#($0)""# } ?? ""
            } while !cursor.isEmpty
            #expect(MCPFixturesTests.tools.subtracting(tools.keys).isEmpty)
            let schema = tools["json_schema_2020_12_tool"]?["inputSchema"]
            #expect(schema?["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
            #expect(schema?["$defs"]?["address"]?["$anchor"]?.string == "addressDef")
            for keyword in ["allOf", "if", "then", "else", "additionalProperties"] { #expect(schema?[keyword] != nil) }
            let fits = try await fixture.tool("json_schema_2020_12_tool", #"{"contactMethod":"phone","phone":"1"}"#)
            #expect(fits["isError"]?.bool == false)
            let defies = try await fixture.tool("json_schema_2020_12_tool", #"{"contactMethod":"phone","email":"a"}"#)
            #expect(defies["isError"]?.bool == true)
            let asked = try await fixture.mcp(
                "tools/call",
                #""name":"test_elicitation_sep1330_enums","arguments":{}"#,
                capabilities: #"{"elicitation":{}}"#
            )
            let form = asked.json["result"]?["inputRequests"]?["form"]?["params"]?["requestedSchema"]?["properties"]
            #expect(form?["legacyEnum"]?["enumNames"]?.elements.map { $0.string }.count == 3)
        }
    }

    @Test func `an option of the program serves them`() async throws {
        let folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let program = folder.appending(path: "agent-service").path
        for options in [[], ["--conformance-fixtures"]] {
            let process = try await TestProcess(
                program,
                options + ["--print-settings"],
                environment: ["DATABASE_URL": "postgres://localhost/none"]
            )
            let line =
                await process.readToEnd().split(separator: "\n")
                .first { $0.hasPrefix("MCP_CONFORMANCE_FIXTURES ") } ?? ""
            #expect(line.contains("  \(!options.isEmpty)  "), "\(line)")
            #expect(await process.wait() == 0)
        }
    }
}
