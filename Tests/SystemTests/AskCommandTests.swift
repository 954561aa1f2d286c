import Foundation
import HTTPClient
import JSON
import TestSupport
import Testing

/// `martlet ask` on the real services: words on the output, deeds as remarks, decisions by `martlet approve` and `deny`.
@Suite(.timeLimit(.minutes(3))) struct AskCommandTests {
    @Test func `an agent is asked, allowed and denied from the command line`() async throws {
        try await Cluster.run { cluster in
            let answer = try await martlet(
                ["ask", "/create_project {\"title\":\"Larks\"}\n---\nIt is there."],
                in: cluster
            )
            #expect(answer.status == 0 && answer.output.contains("\nIt is there.\n"))
            #expect(answer.output.contains("create_project"))
            let project = try await cluster.get("http://127.0.0.1:\(cluster.agent.port)/api/projects")
            let id = try #require(
                try JSONDocument(parsing: project.body).root["items"]?.elements.map { $0["project_id"]?.string ?? "" }
                    .first
            )
            for (decision, status) in [("deny", 200), ("approve", 404)] {
                let delete = "/delete_project {\"id\":\"\(id)\"}\n---\nDecided."
                let run = try await martlet(["ask", "--no-wait", delete], in: cluster).output
                    .trimmingCharacters(in: .whitespacesAndNewlines)
                try await eventually("the call waits for leave") {
                    try await martlet([decision, run, "call_0_0"], in: cluster).status == 0
                }
                try await eventually("the run is over") {
                    let text = try await cluster.get("http://127.0.0.1:\(cluster.agent.port)/api/runs/\(run)").body
                    return try JSONDocument(parsing: text).root["status"]?.string == "completed"
                }
                let left = try await cluster.get("http://127.0.0.1:\(cluster.agent.port)/api/projects/\(id)")
                #expect(left.status == status)
            }
            let refused = try await martlet(["ask", "--model", "none/such", "Hello"], in: cluster)
            #expect(refused.status == 1 && refused.output.contains("/model"))
        }
    }

    private func martlet(_ arguments: [String], in cluster: Cluster) async throws -> (status: Int32, output: String) {
        let process = try await TestProcess(
            "/bin/sh",
            ["-c", "exec \"$0\" \"$@\" 2>&1", ServiceProgram.folder.appending(path: "martlet").path] + arguments,
            environment: [
                "PATH": "/usr/bin:/bin", "MARTLET_TOKEN": "dev-token", "HOME": "/nonexistent",
                "AGENT_URL": "http://127.0.0.1:\(cluster.agent.port)",
                "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
            ]
        )
        let output = await process.readToEnd()
        return (await process.wait(), output)
    }
}
