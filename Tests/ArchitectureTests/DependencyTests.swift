import Foundation
import TestSupport
import Testing

/// Arrows point down: a module may use only what lies in a layer below its own, and services never import each other.
@Suite(.timeLimit(.minutes(2))) struct DependencyTests {
    /// From the bottom up. What stands in one line may not use one another, but where `beside` says so.
    static let layers: [[String]] = [
        ["CSimdjson", "CLibPQ", "CRabbitMQ", "CBeast", "CCurl", "COpenSSL", "CSpawn"],
        ["Kernel"],
        ["Concurrency"],
        ["Settings", "Telemetry", "JSON", "Files", "Subprocess", "Cron"],
        ["Lifecycle", "Contracts"],
        ["Postgres", "RabbitMQ", "HTTPServer", "HTTPClient", "Crypto"],
        ["Messaging", "Store", "LanguageModels", "MCPClient"],
        ["Edge"],
        ["JobQueueService", "NotificationService", "AgentService", "MartletCommand"],
    ]

    struct Description: Decodable {
        struct Target: Decodable {
            let name: String
            let type: String
            let path: String
            let target_dependencies: [String]?
        }
        let targets: [Target]
    }

    @Test func `every arrow of the package points down`() async throws {
        let description = try await DependencyTests.describe()
        let rank = Dictionary(
            uniqueKeysWithValues: DependencyTests.layers.enumerated()
                .flatMap { rank, names in names.map { ($0, rank) } }
        )
        var checked = 0
        for target in description.targets where target.path.hasPrefix("Shared/") || target.path.hasPrefix("Services/") {
            if target.name == "TestSupport" { continue }
            guard let own = rank[target.name] else {
                Issue.record("\(target.name) has no layer: give it one")
                continue
            }
            for dependency in target.target_dependencies ?? [] {
                checked += 1
                guard let other = rank[dependency] else {
                    Issue.record("\(target.name) uses \(dependency), which no module may")
                    continue
                }
                #expect(other < own, "\(target.name) uses \(dependency), which is not below it")
            }
        }
        #expect(checked > 20)
    }

    @Test func `what a target imports it has declared`() async throws {
        let targets = try await DependencyTests.describe().targets
        let names = Set(targets.map(\.name))
        var checked = 0
        for target in targets {
            let declared = Set(target.target_dependencies ?? [])
            for source in try SourceRules.sources(in: target.path) {
                for line in source.lines {
                    guard let found = line.firstMatch(of: /^(?:[@a-z]+ )*import ([A-Za-z]+)$/) else { continue }
                    let name = String(found.1)
                    guard names.contains(name), name != target.name else { continue }
                    checked += 1
                    #expect(declared.contains(name), "\(source.path) imports \(name)")
                }
            }
        }
        #expect(checked > 1000)
    }

    @Test func `C modules are used by their own wrapper only`() async throws {
        let targets = try await DependencyTests.describe().targets
        for target in targets {
            for dependency in target.target_dependencies ?? [] {
                guard DependencyTests.layers[0].contains(dependency) else { continue }
                let home = try #require(
                    targets.first { $0.name == dependency }?.path.split(separator: "/")
                        .dropLast().last
                )
                #expect(target.name == String(home), "\(target.name) uses \(dependency)")
            }
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func describe() async throws -> Description {
        // A scratch path of its own: the test run holds the package's.
        let scratch = FileManager.default.temporaryDirectory.appending(path: "martlet-describe").path
        let text = try await TestProcess.run(
            "/usr/bin/env",
            ["swift", "package", "--package-path", root.path, "--scratch-path", scratch, "describe", "--type", "json"]
        )
        return try JSONDecoder().decode(Description.self, from: Data(text.utf8))
    }
}
