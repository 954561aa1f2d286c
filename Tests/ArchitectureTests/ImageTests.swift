import Foundation
import Testing

@Suite struct ImageTests {
    @Test func `the image is built from the folders of all targets`() async throws {
        func lines(_ path: String) throws -> [Substring] {
            try String(contentsOf: DependencyTests.root.appending(path: path), encoding: .utf8).split(separator: "\n")
        }
        let copied = try lines("deploy/docker/Dockerfile")
            .compactMap { line in
                let words = line.split(separator: " ")
                return words.count == 3 && words[0] == "COPY" ? words[1] : nil
            }
        let ignored = try lines(".dockerignore")
        let targets = try await DependencyTests.describe().targets
        #expect(!targets.isEmpty)
        for target in targets {
            func contains(_ folder: Substring) -> Bool { target.path == folder || target.path.hasPrefix(folder + "/") }
            #expect(copied.contains(where: contains), "\(target.path) is not copied")
            #expect(!ignored.contains(where: contains), "\(target.path) is ignored")
        }
    }
}
