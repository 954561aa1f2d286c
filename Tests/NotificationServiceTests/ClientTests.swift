import Concurrency
import Contracts
import Foundation
import JSON
import Kernel
import Lifecycle
import Postgres
import Store
import TestSupport
import Testing

@testable import NotificationService

/// The clients of other languages, on the real service over a network that breaks at random. Under a sanitizer, where
/// tokens end before their successors have come, they need many more rounds.
@Suite(.timeLimit(.minutes(10)), .serialized) struct ClientTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let resources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Resources")
    /// node is not needed for anything else: where it is missing, so are these tests.
    private static let hasNode = ["/usr/bin/node", "/usr/local/bin/node"]
        .contains(
            where: FileManager.default.isExecutableFile(atPath:)
        )

    @Test(.enabled(if: hasNode, "node is not installed"))
    func `the JavaScript client ends equal to the database, whatever the network does`() async throws {
        try await ClientTests.follow("node", "live_client.mjs")
    }

    @Test func `the Python client ends equal to the database, whatever the network does`() async throws {
        try await ClientTests.follow("python3", "live_client.py")
    }

    @Test(.enabled(if: hasNode, "node is not installed"))
    func `the JavaScript client keeps the rules of the page`() async throws {
        try await ClientTests.rules("node", "live_rules.mjs")
    }

    @Test func `the Python client keeps the rules of the page`() async throws {
        try await ClientTests.rules("python3", "live_rules.py")
    }

    private static func rules(_ program: String, _ script: String) async throws {
        let process = try await TestProcess(
            "/usr/bin/env",
            [program, resources.appending(path: script).path],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
        )
        let output = await process.readToEnd()
        #expect(await process.wait() == 0, "\(output)")
        #expect(output.hasSuffix("all rules are kept\n"), "\(output)")
    }

    private static func follow(_ program: String, _ script: String) async throws {
        var options = NotificationFixture.Options()
        // So small that the log and snapshots are needed too; and tokens that end all the time.
        options.hub.updatesPerContext = 32
        options.limits.expiryNotice = .milliseconds(1300)
        options.verifier = { _, now in
            Principal(name: "user:u", scopes: [.eventsRead], expiresAt: now + .milliseconds(1500))
        }
        try await NotificationFixture.run(options) { fixture in
            let card: CardID = IdentifierSource().next()
            let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-\(card)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer {
                do { try FileManager.default.removeItem(at: folder) } catch { Issue.record(error) }
            }
            let file = folder.appending(path: "last")
            var clients: [TestProcess] = []
            for _ in 0..<3 {
                clients.append(
                    try await TestProcess(
                        "/usr/bin/env",
                        [
                            program, resources.appending(path: script).path, "http://127.0.0.1:\(fixture.port)",
                            "\(card)", file.path,
                        ],
                        environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
                    )
                )
            }
            try await eventually("a client is there") { fixture.notification.hub.tables.isEmpty == false }
            for _ in 0..<12 {
                var jobs: [JobID] = []
                for _ in 0..<15 { jobs.append(try await fixture.job(card: card, tells: false)) }
                for status in [JobStatus.processing, .queued, .processing, .completed] {
                    try await fixture.change(jobs, to: status)
                    try await Task.sleep(for: .milliseconds(60))
                }
            }
            let last = try await fixture.job(card: card)
            try Data("\(last)".utf8).write(to: file, options: .atomic)
            let truth = try await fixture.pool
                .query(
                    "SELECT id || ' ' || seq || ' ' || status FROM jobs.jobs ORDER BY 1"
                )
                .map { try $0.decode(0, as: String.self) }
            var counts: [String: Int] = [:]
            for client in clients {
                let report = try JSONDocument(parsing: await client.readLine()).root
                #expect(await client.wait() == 0)
                #expect(report["faults"]?.elements.compactMap(\.string) == [])
                #expect(report["jobs"]?.elements.compactMap(\.string) == truth.sorted())
                #expect(report["gaps"]?.int == 0)
                for name in ["connects", "resumed", "snapshots", "refreshes"] {
                    counts[name, default: 0] += report[name]?.int ?? 0
                }
            }
            // All of it was tried.
            #expect(counts["connects"] ?? 0 > 6, "\(counts)")
            #expect(counts["resumed"] ?? 0 > 3, "\(counts)")
            #expect(counts["snapshots"] ?? 0 >= 3, "\(counts)")
            #expect(counts["refreshes"] ?? 0 > 0, "\(counts)")
        }
    }
}
