import Foundation
import TestSupport
import Testing

@testable import AgentService

/// The checkpointer for LangGraph, by LangGraph's own conformance tests. `MARTLET_PYTHON` names a python that has the
/// packages `langgraph` and `langgraph-checkpoint-conformance`, where `python3` does not.
@Suite(.timeLimit(.minutes(3))) struct CheckpointerTests {
    @Test func `the checkpointer passes LangGraph's conformance tests`() async throws {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let python = ProcessInfo.processInfo.environment["MARTLET_PYTHON"] ?? "python3"
        try await AgentFixture.run { fixture in
            let process = try await TestProcess(
                "/usr/bin/env",
                [
                    python, "-B", root.appending(path: "clients/python/conformance_checkpoint.py").path, fixture.url,
                    "dev-token",
                ]
            )
            let output = await process.readToEnd()
            switch await process.wait() {
            case 0: #expect(output.contains("put_writes: "), "\(output)")
            case 77, 127: print("the checkpointer is not tried: \(output)")
            case let status: Issue.record("status \(status): \(output)")
            }
        }
    }
}
