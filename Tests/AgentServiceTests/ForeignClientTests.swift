import Foundation
import TestSupport
import Testing

@testable import AgentService

/// What others wrote to try systems like this one: LangGraph's conformance tests of checkpointers, and the official
/// client of MCP. `MARTLET_PYTHON` and `MARTLET_MCP_PYTHON` name a python that has the packages `langgraph` and
/// `langgraph-checkpoint-conformance`, or `mcp` 2, where `python3` does not.
@Suite(.timeLimit(.minutes(3))) struct ForeignClientTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func `the checkpointer passes LangGraph's conformance tests`() async throws {
        try await AgentFixture.run { fixture in
            let output = try await ForeignClientTests.run(
                "MARTLET_PYTHON",
                "clients/python/conformance_checkpoint.py",
                fixture.url
            )
            #expect(output.contains("check_threads: passed") || output.contains("skipped"), "\(output)")
        }
    }

    @Test func `the official client of MCP gets on in both eras`() async throws {
        try await AgentFixture.run(AgentFixture.withFixtures) { fixture in
            let output = try await ForeignClientTests.run(
                "MARTLET_MCP_PYTHON",
                "Tests/AgentServiceTests/Resources/mcp_client.py",
                fixture.url + "/mcp"
            )
            let hasBoth = output.contains("auto: 2026-07-28") && output.contains("legacy: 2025-11-25")
            #expect(hasBoth || output.contains("skipped"), "\(output)")
        }
    }

    /// What a script says that ended well, or found that a package is missing.
    private static func run(_ python: String, _ script: String, _ url: String) async throws -> String {
        let python = ProcessInfo.processInfo.environment[python] ?? "python3"
        let path = root.appending(path: script).path
        let process = try await TestProcess("/usr/bin/env", [python, "-B", path, url, "dev-token"])
        let output = await process.readToEnd()
        switch await process.wait() {
        case 0: return output
        case 77, 127:
            print("\(script) is not tried: \(output)")
            return "skipped: \(output)"
        case let status:
            Issue.record("\(script) ended with \(status): \(output)")
            return output
        }
    }
}
