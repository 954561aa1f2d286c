import Foundation
import TestSupport
import Testing

/// The conformance kit, on the reference workers, which pass, and on broken ones, which fail by the right line.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ConformanceTests {
    static let python =
        "python3 \(DocumentationTests.root.appending(path: "clients/python/conformance_worker.py").path)"
    static let swift = ServiceProgram.folder.appending(path: "reference-worker").path

    @Test(arguments: [python, swift]) func `a reference worker passes every check`(command: String) async throws {
        try await Cluster.run { cluster in
            let (status, output) = try await ConformanceTests.check(command, in: cluster)
            #expect(status == 0, "\(output)")
            #expect(output.contains("12 of 12 checks passed"), "\(output)")
        }
    }

    /// The reference worker with one mistake, and the only check that it must fail.
    static let mistakes = [
        ("never says start", "starts a job before it works"), ("sends no heartbeats", "sends heartbeats while"),
        ("hides how it failed", "says how a job failed"), ("forgets checkpoints", "goes on from the checkpoint"),
        ("ignores cancellations", "stops a job that was cancelled"), ("repeats what was lost", "lets go of a job"),
        ("says nothing twice", "says it again when"), ("storms", "waits while the service is away"),
        ("clings to its session", "opens another session"), ("ignores draining", "takes no more and ends"),
        ("drops what it has", "hands back on SIGTERM"),
    ]

    @Test func `a worker with a mistake fails by the line that names it`() async throws {
        let broken = DocumentationTests.root.appending(path: "Tests/SystemTests/Resources/broken_worker.py").path
        try await Cluster.run { cluster in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (place, (mistake, check)) in ConformanceTests.mistakes.enumerated() {
                    // Three at a time: each has a kind of its own.
                    if place >= 3 { try await group.next() }
                    group.addTask {
                        let (status, output) = try await ConformanceTests.check(
                            "python3 \(broken) '\(mistake)'",
                            only: check,
                            in: cluster
                        )
                        #expect(status == 1, "\(mistake): \(output)")
                        let failed = output.components(separatedBy: "\n").filter { $0.hasPrefix("FAIL") }
                        #expect(failed.count == 1 && failed[0].contains(check), "\(mistake): \(output)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func check(_ command: String, only: String? = nil, in cluster: Cluster) async throws
        -> (status: Int32, output: String)
    {
        let process = try await TestProcess(
            ServiceProgram.folder.appending(path: "martlet").path,
            ["conformance", "worker", "--command", command] + (only.map { ["--only", $0] } ?? []),
            environment: [
                "PATH": "/usr/bin:/bin:/usr/local/bin", "PWD": cluster.logs.path,
                "JOB_QUEUE_URL": "http://127.0.0.1:\(cluster.jobQueue.port)", "MARTLET_TOKEN": "dev-token",
                "LD_LIBRARY_PATH": TestProcess.environment["LD_LIBRARY_PATH"] ?? "",
                "PYTHONDONTWRITEBYTECODE": "1",
            ]
        )
        let output = await process.readToEnd()
        return (await process.wait(), output)
    }
}
