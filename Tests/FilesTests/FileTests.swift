import Files
import FoundationEssentials
import Testing

@Suite(.timeLimit(.minutes(1))) struct FileTests {
    /// A folder of its own for each test.
    func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/files-\(UUID())"
        try Folder.create(folder + "/deep/er")
        defer { do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record(error) } }
        try await body(folder)
    }

    @Test func `a file appears whole and can be read in parts`() async throws {
        try await withFolder { folder in
            let place = folder + "/deep/file"
            let writer = try FileWriter(creating: folder + "/new")
            for part in 0..<100 { try await writer.write([UInt8](repeating: UInt8(part), count: 1000)) }
            #expect(throws: FileError.self) { try FileReader(place) }
            try await writer.publish(as: place)
            #expect(await writer.count == 100_000)
            let reader = try FileReader(place)
            #expect(reader.size == 100_000)
            #expect(
                try await reader.read(at: 50_500, atMost: 1000) == [UInt8](repeating: 50, count: 500)
                    + [UInt8](repeating: 51, count: 500)
            )
            #expect(try await reader.read(at: 99_999, atMost: 10) == [99])
            #expect(try await reader.read(at: 100_000, atMost: 10) == [])
        }
    }

    @Test func `an abandoned writer leaves nothing`() async throws {
        try await withFolder { folder in
            do {
                let writer = try FileWriter(creating: folder + "/new")
                try await writer.write([1, 2, 3])
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["deep"])
        }
    }

    @Test func `errors say what failed and why, without the path`() async throws {
        #expect { try FileReader("/nonexistent/secret") } throws: { error in
            (error as? FileError)?.isNotFound == true && !"\(error)".contains("secret")
        }
    }

    @Test func `a file is removed when it is old enough only, and one that is gone is no error`() async throws {
        try await withFolder { folder in
            let writer = try FileWriter(creating: folder + "/new")
            try await writer.write([1])
            try await writer.publish(as: folder + "/file")
            let removed = { (age: Duration) in
                try Folder.removeFile(folder + "/file", writtenBefore: age, aside: folder + "/aside")
            }
            #expect(try !removed(.seconds(60)))
            #expect(try FileReader(folder + "/file").size == 1)
            #expect(try removed(.zero))
            #expect(throws: FileError.self) { try FileReader(folder + "/file") }
            #expect(throws: FileError.self) { try FileReader(folder + "/aside") }
            #expect(try removed(.seconds(60)))
        }
    }
}
