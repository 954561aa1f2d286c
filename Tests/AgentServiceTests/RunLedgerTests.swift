import Contracts
import JSON
import Kernel
import LanguageModels
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// The ledger alone, with nobody who drives.
@Suite(.timeLimit(.minutes(1))) struct RunLedgerTests {
    @Test func `a run that was woken since it was read does not wait`() async throws {
        try await RunLedgerTests.with { ledger, _ in
            let (run, lease) = try #require(try await ledger.claim(atMost: 1).first)
            try await ledger.pool.execute(RunStatements.wake(run.id))
            let later = run.readAt + .seconds(60)
            #expect(try await !ledger.wait(run, for: .approval, until: later, lease))
            let again = try await ledger.load(lease, after: 0).run
            #expect(again.status == .running)
            #expect(try await ledger.wait(again, for: .approval, until: later, lease))
            #expect(try await ledger.load(lease, after: 0).run.status == .waiting)
        }
    }

    @Test func `a run does not wait for what has come already`() async throws {
        try await RunLedgerTests.with { ledger, thread in
            let (run, lease) = try #require(try await ledger.claim(atMost: 1).first)
            let (child, other): (RunID, ThreadID) = (IdentifierSource().next(), IdentifierSource().next())
            try await ledger.pool.execute("INSERT INTO agent.threads (id) VALUES (\(other))")
            try await ledger.pool.execute(RunStatements.insert(RunLedgerTests.draft(child, other)))
            let call = ModelToolCall(id: "c", name: DelegateTool.name, arguments: .emptyObject)
            try await ledger.write(
                lease,
                [
                    RunStepStatements.addCall(run.id, n: 2, call, effect: .read),
                    RunStepStatements.wait(run.id, n: 2, child: child),
                ]
            )
            try await ledger.pool.execute(RunStatements.end(child, .cancelled))
            let later = run.readAt + .seconds(60)
            #expect(try await !ledger.wait(run, for: .child, until: later, lease))
        }
    }

    @Test func `a driver that was thought dead changes nothing any more`() async throws {
        try await RunLedgerTests.with { ledger, thread in
            let (run, old) = try #require(try await ledger.claim(atMost: 1).first)
            #expect(try await ledger.claim(atMost: 1).isEmpty)
            // Its time is over, and another takes the run.
            try await ledger.pool.execute("UPDATE agent.threads SET leased_until = now() WHERE id = \(thread)")
            let new = try #require(try await ledger.claim(atMost: 1).first?.lease)
            #expect(new.fence == old.fence + 1)
            let event = RunEventStatements.append("step", of: run.id)
            await #expect(throws: RunLeaseLost.self) { try await ledger.write(old, [event]) }
            await #expect(throws: RunLeaseLost.self) { _ = try await ledger.renew(old) }
            try await ledger.release(old)
            try await ledger.write(new, [event])
            #expect(try await ledger.renew(new) == false)
        }
    }

    @Test func `what was set aside for a turn that nobody saw the end of counts as used`() async throws {
        try await RunLedgerTests.with { ledger, thread in
            let (run, lease) = try #require(try await ledger.claim(atMost: 1).first)
            try await ledger.write(lease, [RunStatements.reserve(run.id, tokens: 700, cost: 9)])
            try await ledger.pool.execute("UPDATE agent.threads SET leased_until = now() WHERE id = \(thread)")
            let again = try #require(try await ledger.claim(atMost: 1).first?.run)
            #expect(again.usage.tokens == 700 && again.usage.cost == 9)
        }
    }

    /// Runs `body` with one run that is due.
    private static func with(_ body: @escaping @Sendable (RunLedger, ThreadID) async throws -> Void) async throws {
        try await TestPostgres.withDatabase { database in
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let (run, thread): (RunID, ThreadID) = (IdentifierSource().next(), IdentifierSource().next())
            try await pool.execute("INSERT INTO agent.threads (id) VALUES (\(thread))")
            try await pool.execute(RunStatements.insert(draft(run, thread)))
            let result = await Task { try await body(RunLedger(pool: pool, term: .seconds(15)) {}, thread) }.result
            await pool.close()
            try result.get()
        }
    }

    private static func draft(_ run: RunID, _ thread: ThreadID) -> RunStatements.Draft {
        RunStatements.Draft(
            id: run,
            thread: thread,
            principal: Principal(name: "test", scopes: [.admin]).stored,
            settings: RunSettings(model: "rules"),
            message: RawJSON(JSONWriter.bytes { $0.value(ModelMessage(.user, [.text("Hello")])) }),
            trace: TraceContext.root().traceparent
        )
    }
}
