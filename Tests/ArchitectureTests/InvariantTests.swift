import Foundation
import Testing

/// The page of promises names tests that exist.
@Suite struct InvariantTests {
    @Test func `every promise has its tests, and each of them exists`() throws {
        let path = DependencyTests.root.appending(path: "docs/invariants.md")
        let page = try String(contentsOf: path, encoding: .utf8)
        var existing: Set<String> = []
        for line in try SourceRules.sources(in: "Tests").flatMap(\.lines) {
            guard let start = line.firstRange(of: "func `")?.upperBound else { continue }
            existing.insert(String(line[start...].prefix { $0 != "`" }))
        }
        #expect(existing.count > 400)
        var promises: [Int] = []
        for line in page.components(separatedBy: "\n") {
            let cells = line.components(separatedBy: "|")
            guard cells.count == 5, let number = Int(cells[1].trimmingCharacters(in: .whitespaces)) else { continue }
            promises.append(number)
            // Every other part stands between two marks.
            let parts = cells[3].components(separatedBy: "`")
            #expect(parts.count > 2, "promise \(number) has no test")
            for index in stride(from: 1, to: parts.count, by: 2) {
                #expect(existing.contains(parts[index]), "promise \(number): there is no test '\(parts[index])'")
            }
        }
        #expect(promises == Array(1...14))
    }

    @Test func `every promise has a breakage that still applies, and names the test that must notice it`() throws {
        let folder = DependencyTests.root.appending(path: "Tests/Sabotage")
        let page = try String(
            contentsOf: DependencyTests.root.appending(path: "docs/invariants.md"),
            encoding: .utf8
        )
        var broken: Set<Int> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let breakage = try Breakage(at: folder.appending(path: name))
            broken.insert(breakage.promise)
            let row = page.components(separatedBy: "\n").first { $0.hasPrefix("| \(breakage.promise) |") } ?? ""
            #expect(row.contains("`\(breakage.expect)`"), "\(name): its test is not named for the promise")
            for change in breakage.changes {
                let source = try String(
                    contentsOf: DependencyTests.root.appending(path: change.file),
                    encoding: .utf8
                )
                #expect(source.contains(change.old), "\(name): \(change.file) has no such lines")
            }
        }
        #expect(broken == Set(1...14))
    }
}

/// A file of Tests/Sabotage, as Tests/sabotage.sh reads it.
private struct Breakage {
    let promise: Int
    let expect: String
    private(set) var changes: [(file: String, old: String)] = []

    init(at url: URL) throws {
        let lines = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n")
        func field(_ name: String) throws -> String {
            let line = try #require(
                lines.first { $0.hasPrefix("\(name): ") },
                "\(url.lastPathComponent) has no \(name)"
            )
            return String(line.dropFirst(name.count + 2))
        }
        promise = try #require(Int(try field("promise")))
        expect = try field("expect")
        var file = ""
        var previous: Character?
        for line in lines {
            if line.hasPrefix("== ") { file = String(line.dropFirst(3)) }
            if line.hasPrefix("-") {
                if previous != "-" { changes.append((file, "")) }
                changes[changes.count - 1].old += line.dropFirst() + "\n"
            }
            previous = line.first
        }
        #expect(!changes.isEmpty)
    }
}
