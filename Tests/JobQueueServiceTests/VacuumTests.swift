import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// Who holds back vacuum is named, with what it costs.
@Suite(.timeLimit(.minutes(1))) struct VacuumTests {
    private static func hold(_ pool: Pool) async throws -> VacuumHold? {
        let statement = VacuumStatements.holder(longerThan: .milliseconds(1), transactions: 1_000_000)
        guard let row = try await pool.query(statement).first else { return nil }
        return try VacuumHold(row, deadRows: try await pool.query(VacuumStatements.deadRows))
    }

    @Test func `a session with an old snapshot is named with the dead rows it costs, and health stays`() async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            var settings = database.settings
            settings.applicationName = "report maker"
            let foreign = Pool(settings, logger: .silent, metrics: Metrics())
            let before = try await VacuumTests.hold(pool)?.message
            #expect(before == nil)
            try await foreign.withTransaction(.repeatableRead, readOnly: true) { holder in
                let pid: Int = try holder.query("SELECT pg_backend_pid()::bigint")[0].decode(0)
                for _ in 0..<20 {
                    _ = try await pool.execute(
                        "INSERT INTO jobs.ready (job_id, kind, queue, priority) VALUES (gen_random_uuid(), 'a', 'b', 0)"
                    )
                }
                _ = try await pool.execute("DELETE FROM jobs.ready")
                _ = try await pool.execute("VACUUM jobs.ready")
                let found = try #require(try await VacuumTests.hold(pool))
                #expect(found.kind == "session")
                #expect(found.name == "\(pid)")
                #expect(found.application == "report maker")
                #expect(found.state == "idle in transaction")
                #expect(found.transactions >= 20)
                // Vacuum has counted them, and could remove none.
                #expect(found.deadRows.first { $0.table == "ready" }?.rows == 20)
                #expect(found.message.contains("dead rows: ready 20"))
                #expect(found.advice.contains("pg_terminate_backend(\(pid))"))

                let report = await HealthChecks([.vacuum(pool, longerThan: .milliseconds(1))]).report()
                #expect(report.canServe)
                let quiet = await HealthChecks([.vacuum(pool, longerThan: .seconds(60))]).report()
                #expect(quiet.canServe)
            }
            await foreign.close()
            try await eventually { try await VacuumTests.hold(pool) == nil }
            await pool.close()
        }
    }

    @Test func `a writer that idles in its transaction is named too`() async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            try await pool.withTransaction { writer in
                try writer.execute("DELETE FROM jobs.ready")
                _ = try writer.query("SELECT pg_current_xact_id()")
                let statement = VacuumStatements.holder(longerThan: .milliseconds(1), transactions: 1_000_000)
                let row = try #require(try await pool.query(statement).first)
                #expect(try row.decode(0, as: String.self) == "session")
            }
            await pool.close()
        }
    }
}
