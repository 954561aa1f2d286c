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
        #expect(promises == Array(1...12))
    }
}
