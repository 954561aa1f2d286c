import Foundation
import HTTPClient
import JSON
import TestSupport
import Testing

/// What the documentation says is tried.
@Suite(.timeLimit(.minutes(5)), .serialized) struct DocumentationTests {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func `the settings page is what the programs say`() async throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/settings.md"), encoding: .utf8)
        let made = try await Self.run(
            "/bin/bash",
            [Self.root.appending(path: "deploy/local/docs.sh").path, ServiceProgram.folder.path],
            environment: ["OUT": "-", "PATH": "/usr/bin:/bin"]
        )
        #expect(made.status == 0)
        #expect(made.output == page, "run make docs")
    }

    @Test func `the examples run, and the worker works`() async throws {
        try await Cluster.run { cluster in
            let worker = try await TestProcess(
                "/usr/bin/env",
                ["python3", Self.root.appending(path: "docs/examples/worker.py").path],
                environment: [
                    "PATH": "/usr/bin:/bin:/usr/local/bin",
                    "JOB_QUEUE_URL": "http://127.0.0.1:\(cluster.jobQueue.port)", "MARTLET_TOKEN": "dev-token",
                ]
            )
            let shouted = try await cluster.post(
                cluster.jobQueue,
                "/api/jobs",
                #"{"kind":"shout","params":{"text":"hello"}}"#
            )
            let id = try #require(try JSONDocument(parsing: shouted.body).root["job_id"]?.string)
            var job = try JSONDocument(parsing: shouted.body).root
            while job["status"]?.string != "completed" {
                try #require(await worker.isRunning)
                job = try JSONDocument(
                    parsing: try await cluster.get("http://127.0.0.1:\(cluster.jobQueue.port)/api/jobs/\(id)").body
                )
                .root
            }
            let file = try await cluster.get(
                "http://127.0.0.1:\(cluster.jobQueue.port)\(job["result_url"]?.string ?? "")"
            )
            #expect(file.text == "HELLO")
            await worker.signal(SIGTERM)
            #expect(await worker.wait() == 0)

            let environment = [
                "PATH": "/usr/bin:/bin", "TOKEN": "dev-token", "JOBS": "http://127.0.0.1:\(cluster.jobQueue.port)",
                "LIVE": "http://127.0.0.1:\(cluster.notification.port)",
                "AGENT": "http://127.0.0.1:\(cluster.agent.port)",
                "JOB": id,
            ]
            for page in ["docs/http.md", "docs/live.md"] {
                for example in try Self.examples(in: page) {
                    // Several commands in a block are one example each; a stream is cut by curl's own limit.
                    let result = try await Self.run("/bin/bash", ["-c", example], environment: environment)
                    #expect(result.status == 0 || result.status == 28, "\(page): \(example)\n\(result.output)")
                    let isRefusal = result.output.contains("\"error\":{")
                    // The job of the examples has ended by itself: cancelling it is refused, as the page says.
                    #expect(!isRefusal || example.contains("/cancel"), "\(page): \(example)\n\(result.output)")
                    #expect(!result.output.isEmpty, "\(page): \(example)")
                }
            }
        }
    }

    /// The commands of a page's `sh` blocks that call curl.
    private static func examples(in page: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        var examples: [String] = []
        for block in text.components(separatedBy: "```sh\n").dropFirst() {
            let lines = (block.components(separatedBy: "```").first ?? "").replacing("\\\n", with: " ")
            examples += lines.components(separatedBy: "\n").filter { $0.hasPrefix("curl") }
        }
        try #require(!examples.isEmpty)
        return examples
    }

    private static func run(_ program: String, _ arguments: [String], environment: [String: String]) async throws
        -> (status: Int32, output: String)
    {
        let process = try await TestProcess(program, arguments, environment: environment)
        let output = await process.readToEnd()
        return (await process.wait(), output)
    }
}
