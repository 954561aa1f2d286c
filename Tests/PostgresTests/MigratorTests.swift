import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct MigratorTests {
    private let first = Migration(
        version: 1,
        name: "first",
        script: "CREATE TABLE a (n int); INSERT INTO a VALUES (1);"
    )
    private let second = Migration(version: 2, name: "second", script: "ALTER TABLE a ADD COLUMN b text;")

    private func kind(_ body: () async throws -> Void) async -> PostgresError.Kind? {
        await #expect(throws: PostgresError.self) { try await body() }?.kind
    }

    @Test func `what is missing is applied in order, once`() async throws {
        try await withPool { pool, _ in
            let migrator = try Migrator(pool, logger: .silent)
            #expect(try await migrator.migrate([second, first]) == [first, second])
            #expect(try await migrator.migrate([first, second]) == [])
            #expect(try await pool.query("SELECT n FROM a").count == 1)
            let names = try await pool.query("SELECT name FROM shared.migrations ORDER BY version")
            #expect(try names.map { try $0.decode(0, as: String.self) } == ["first", "second"])
        }
    }

    @Test func `many services may start at once`() async throws {
        try await TestPostgres.withDatabase { database in
            let applied = try await withThrowingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
                        let applied = try await Migrator(pool, logger: .silent).migrate([first, second])
                        await pool.close()
                        return applied
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted { $0.version < $1.version } == [first, second])
        }
    }

    @Test func `an edited migration is refused before anything is changed`() async throws {
        try await withPool { pool, _ in
            let migrator = try Migrator(pool, logger: .silent)
            try await migrator.migrate([first])
            let edited = Migration(version: 1, name: "first", script: "CREATE TABLE other ();")
            #expect(await kind { try await migrator.migrate([edited, second]) } == .migration)
            #expect(try await migrator.migrate([first, second]) == [second])
        }
    }

    @Test func `nothing lasts of a migration that fails, and what came before it does`() async throws {
        try await withPool { pool, _ in
            let migrator = try Migrator(pool, logger: .silent)
            let broken = Migration(
                version: 2,
                name: "broken",
                script: "CREATE TABLE c (); SELECT 1/0; CREATE TABLE d ();"
            )
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate([first, broken]) }
            #expect(error?.code == SQLState(rawValue: "22012"))
            #expect(try await pool.query("SELECT to_regclass('c') IS NULL")[0].decode(0, as: Bool.self))
            #expect(try await migrator.migrate([first, second]) == [second])
        }
    }

    @Test func `a database newer than the program is accepted, with a warning`() async throws {
        try await withPool { pool, _ in
            try await Migrator(pool, logger: .silent).migrate([first, second])
            let lines = RecordedLog()
            #expect(try await Migrator(pool, logger: lines.logger(level: .warning)).migrate([first]) == [])
            #expect(lines.all.contains { $0.contains("newer than this program") })
        }
    }

    @Test func `a version that repeats or comes too late is refused`() async throws {
        try await withPool { pool, _ in
            let migrator = try Migrator(pool, logger: .silent)
            #expect(await kind { try await migrator.migrate([first, first]) } == .migration)
            try await migrator.migrate([Migration(version: 3, name: "third", script: "SELECT 1")])
            #expect(await kind { try await migrator.migrate([first]) } == .migration)
            #expect(throws: PostgresError.self) { try Migrator(pool, table: "evil; --", logger: .silent) }
        }
    }

    @Test(arguments: ["V0001__create_jobs", "V0001__create_jobs.sql", "V0001__create_jobs_sql", "V1__create_jobs"])
    func `a resource's name says version and purpose`(name: String) throws {
        let migration = try Migration(name, Array("SELECT 1".utf8))
        #expect(migration.version == 1)
        #expect(migration.name == "create_jobs")
    }

    @Test(arguments: ["", "V__x", "V1_x", "1__x", "V0__x", "V1__", "V1__X", "V1__a b", "V1__a;", "Vé__a"])
    func `any other name is refused`(name: String) {
        #expect(throws: PostgresError.self) { try Migration(name, Array("SELECT 1".utf8)) }
    }
}
