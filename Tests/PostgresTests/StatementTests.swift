import Kernel
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct StatementTests {
    @Test func `a pool that keeps plans plans a statement once`() async throws {
        try await withPool({
            $0.size = 1
            $0.keepsPlans = true
        }) { pool, _ in
            for number in 0..<8 {
                _ = try await pool.query("SELECT oid FROM pg_class WHERE oid = \(number) LIMIT \(number)")
            }
            let plans =
                try await
                pool.query(
                    "SELECT sum(custom_plans)::bigint, sum(generic_plans)::bigint FROM pg_prepared_statements WHERE statement LIKE 'SELECT oid%'"
                )[0]
            #expect(try plans.decode(0, as: Int.self) == 0)
            #expect(try plans.decode(1, as: Int.self) == 8)
        }
    }

    @Test func `a value never becomes text of the statement`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE notes (body text)")
            let evil = "x'); DROP TABLE notes; --"
            #expect(try await pool.execute("INSERT INTO notes VALUES (\(evil))") == 1)
            #expect(try await pool.query("SELECT body FROM notes")[0].decode(0, as: String.self) == evil)
        }
    }

    @Test func `nested statements keep their parameters in order`() async throws {
        try await withPool { pool, _ in
            let condition: SQL = "n BETWEEN \(3) AND \(5)"
            let conditions = SQL(joining: [condition, "n <> \(4)"], by: " AND ")
            let rows = try await pool.query(
                "SELECT n, \("label") FROM generate_series(\(1), \(9)) AS n WHERE \(conditions) ORDER BY n LIMIT \(10)"
            )
            #expect(try rows.map { try $0.decode(0, as: Int.self) } == [3, 5])
            #expect(try rows[0].decode(1, as: String.self) == "label")
        }
    }

    @Test func `affected rows are counted`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE t (n bigint)")
            #expect(try await pool.execute("INSERT INTO t SELECT unnest(\(Array(1...100)))") == 100)
            #expect(try await pool.execute("UPDATE t SET n = 0 WHERE n > \(60)") == 40)
            #expect(try await pool.execute("DELETE FROM t WHERE n = \(-1)") == 0)
        }
    }

    @Test func `an error shows code and constraint, and neither the statement nor its values`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE people (mail text CONSTRAINT people_mail_key UNIQUE)")
            try await pool.execute("INSERT INTO people VALUES (\("secret@example.org"))")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute("INSERT INTO people VALUES (\("secret@example.org"))")
            }
            #expect(error?.code == .uniqueViolation)
            #expect(error?.constraint == "people_mail_key")
            #expect(error?.table == "people")
            #expect(error?.isRetriable == false)
            #expect(error?.description.contains("secret") == false)
            #expect(error?.description.contains("INSERT") == false)
            #expect(error.map { String(reflecting: $0).contains("duplicate key") } == true)

            let cast = await #expect(throws: PostgresError.self) { try await pool.query("SELECT \("secret")::int") }
            #expect(cast?.code == SQLState(rawValue: "22P02"))
            #expect(cast?.description.contains("secret") == false)
        }
    }

    @Test func `a wrong password and a wrong connection string show neither`() async throws {
        try await withPool { _, database in
            var settings = database.settings
            settings.url = Secret(database.url.replacing(":", with: ":hunter2", maxReplacements: 2))
            #expect { try settings.validate() } throws: {
                "\($0) \(String(reflecting: $0))".contains("hunter2") == false
            }
            settings.url = Secret("hunter2 is not a URL")
            #expect { try settings.validate() } throws: {
                "\($0) \(String(reflecting: $0))".contains("hunter2") == false
            }
        }
    }

    @Test func `several statements in one round trip are one transaction`() async throws {
        try await withPool { pool, _ in
            try await pool.execute("CREATE TABLE t (n bigint PRIMARY KEY)")
            let results = try await pool.atomically([
                "INSERT INTO t VALUES (\(1))", "INSERT INTO t VALUES (\(2))", "SELECT count(*) FROM t",
            ])
            #expect(try results[2][0].decode(0, as: Int.self) == 2)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.atomically(["INSERT INTO t VALUES (\(3))", "INSERT INTO t VALUES (\(1))", "SELECT 1"])
            }
            #expect(error?.code == .uniqueViolation)
            #expect(try await pool.query("SELECT count(*) FROM t")[0].decode(0, as: Int.self) == 2)
        }
    }

    @Test func `a table that changed under a prepared statement heals`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            try await pool.execute("CREATE TABLE t (a bigint)")
            try await pool.execute("INSERT INTO t VALUES (\(1))")
            #expect(try await pool.query("SELECT * FROM t WHERE a = \(1)")[0].count == 1)
            try await pool.execute("ALTER TABLE t ADD COLUMN b text DEFAULT 'new'")
            let row = try await pool.query("SELECT * FROM t WHERE a = \(1)")[0]
            #expect(try row.decode("b", as: String.self) == "new")
        }
    }

    @Test func `prepared statements that the session lost are prepared again`() async throws {
        try await withPool({ $0.size = 1 }) { pool, _ in
            #expect(try await pool.query("SELECT \(1) + 1")[0].decode(0, as: Int.self) == 2)
            try await pool.execute("DEALLOCATE ALL")
            #expect(try await pool.query("SELECT \(1) + 1")[0].decode(0, as: Int.self) == 2)
        }
    }

    @Test func `the number of prepared statements stays bounded`() async throws {
        try await withPool({
            $0.size = 1
            $0.preparedStatements = 5
        }) { pool, _ in
            for number in 0..<40 {
                let rows = try await pool.query("SELECT \(unchecked: "\(number)"), \(number)")
                #expect(try rows[0].decode(1, as: Int.self) == number)
            }
            #expect(try await pool.query("SELECT count(*) FROM pg_prepared_statements")[0].decode(0, as: Int.self) <= 6)
        }
    }

    @Test func `without prepared statements everything works the same`() async throws {
        try await withPool({ $0.usesPreparedStatements = false }) { pool, _ in
            #expect(try await pool.query("SELECT \(20) + \(22)")[0].decode(0, as: Int.self) == 42)
            let sums = try await pool.atomically(["SELECT \(1)", "SELECT \(2)"])
            #expect(try sums.map { try $0[0].decode(0, as: Int.self) } == [1, 2])
            let count = try await pool.query("SELECT count(*) FROM pg_prepared_statements")
            #expect(try count[0].decode(0, as: Int.self) == 0)
        }
    }
}
