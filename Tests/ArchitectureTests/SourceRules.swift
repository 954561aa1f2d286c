import Foundation
import Testing

/// Rules about sources that the compiler does not know.
@Suite struct SourceRules {
    struct Source {
        let path: String
        let lines: [String]
    }

    static func sources(in folder: String) throws -> [Source] {
        let base = DependencyTests.root.appending(path: folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try names.filter { $0.hasSuffix(".swift") }
            .map { name in
                let text = try String(contentsOf: base.appending(path: name), encoding: .utf8)
                return Source(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
            }
    }

    @Test func `unsafe code stays in the modules that wrap something`() throws {
        let wrappers = [
            "Shared/JSON/", "Shared/Postgres/", "Shared/RabbitMQ/", "Shared/HTTPServer/", "Shared/HTTPClient/",
            "Shared/Crypto/", "Shared/Files/", "Shared/Subprocess/", "Shared/Concurrency/", "Shared/TestSupport/",
            // One call of the C library each, with its proof.
            "Shared/Kernel/WallClock.swift", "Shared/Telemetry/LogSink.swift", "Shared/Lifecycle/LoopbackProbe.swift",
            "Shared/Lifecycle/Program.swift",
            // An actor on an event loop names its executor, whose type is an unowned reference.
            "Services/NotificationService/Sockets/Session.swift",
            // Writes to the terminal.
            "Services/CommandLine/Console.swift",
        ]
        let sources = try SourceRules.sources(in: "Shared") + SourceRules.sources(in: "Services")
        #expect(sources.count > 100)
        for source in sources where !wrappers.contains(where: { source.path.hasPrefix($0) }) {
            for (number, line) in source.lines.enumerated() {
                let code = line.prefix { $0 != "/" }
                for word in ["unsafe ", "@unchecked", "nonisolated(unsafe)", "Unmanaged", "unsafeBitCast"] {
                    #expect(!code.contains(word), "\(source.path):\(number + 1) says \(word)")
                }
            }
        }
    }

    @Test func `SQL is written in statement catalogues only`() throws {
        let pattern = try Regex("\\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\\b.*(FROM|VALUES|SET|WHERE|\\\\\\()")
        for source in try SourceRules.sources(in: "Services")
        where !source.lines.contains(where: { line in
            line.contains("Statements") && (line.contains("enum ") || line.hasPrefix("extension "))
        }) {
            for (number, line) in source.lines.enumerated() where !line.contains("///") && !line.contains("// ") {
                #expect(line.firstMatch(of: pattern) == nil, "\(source.path):\(number + 1) holds SQL: \(line)")
            }
        }
    }

    @Test func `every module says what it is for, what it promises and what it refuses`() throws {
        for module in try FileManager.default.contentsOfDirectory(
            atPath: DependencyTests.root.appending(path: "Shared").path
        ) {
            let path = DependencyTests.root.appending(path: "Shared/\(module)/\(module).swift").path
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let head = text.components(separatedBy: "\n").prefix { $0.hasPrefix("//") }
            #expect((5...25).contains(head.count), "Shared/\(module)/\(module).swift opens with \(head.count) lines")
            #expect(text.contains("promises"), "\(module) promises nothing")
            #expect(text.contains("refuses"), "\(module) refuses nothing")
        }
    }

    @Test func `no file is longer than 400 lines without a reason in its head`() throws {
        let sources = try SourceRules.sources(in: "Shared") + SourceRules.sources(in: "Services")
        for source in sources where source.lines.count > 401 {
            #expect(
                source.lines.prefix(5).contains { $0.contains("Long because") },
                "\(source.path) has \(source.lines.count) lines"
            )
        }
        let lengths = sources.map(\.lines.count).sorted()
        #expect(lengths[lengths.count / 2] < 120)
    }
}
