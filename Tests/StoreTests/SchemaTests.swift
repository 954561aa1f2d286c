import Foundation
import Postgres
import Store
import Testing

@Suite struct SchemaTests {
    @Test("every script is a migration, numbered without a gap")
    func scripts() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Shared/Store/Migrations").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let migrations = try Schema.migrations()
        #expect(files.sorted() == migrations.map { String(format: "V%04d__", $0.version) + $0.name + ".sql" })
        #expect(migrations.map(\.version) == Array(1...migrations.count))
    }
}
