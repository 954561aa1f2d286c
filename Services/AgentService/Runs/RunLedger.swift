import Contracts
import JSON
import Kernel
import Postgres
import Telemetry

/// The lease of a run's thread is another's by now, or the run has ended: whoever drove it must stop.
struct RunLeaseLost: Error, CustomStringConvertible {
    var description: String { "the run is no longer ours to drive" }
}

/// Writes what drivers do to runs. Every write is one transaction under the fence of the thread's lease: a driver that
/// was thought dead and comes back changes nothing.
struct RunLedger: Sendable {
    let pool: Pool
    /// How long a driver that says nothing keeps its runs.
    let term: Duration
    /// To be called after events were appended.
    let changed: @Sendable () -> Void

    /// Takes runs that are due.
    func claim(atMost limit: Int) async throws -> [(run: Run, lease: RunLease)] {
        try await pool.query(RunStatements.claim(atMost: limit, for: term))
            .map { row in
                var reader = row.reader
                let fence: Int64 = try reader.next()
                let run = try Run(&reader)
                return (run, RunLease(run: run.id, thread: run.thread, fence: fence))
            }
    }

    /// Keeps a lease for another term. Returns whether the run is wished to end.
    func renew(_ lease: RunLease) async throws -> Bool {
        let results = try await pool.atomically([
            RunStatements.renew(lease, for: term), RunStatements.hold(lease),
        ])
        guard let row = results[1].first else { throw RunLeaseLost() }
        return try Run(row).isCancelled
    }

    /// Gives a lease back.
    func release(_ lease: RunLease) async throws { try await pool.execute(RunStatements.release(lease)) }

    /// A run, and its steps from a number on.
    func load(_ lease: RunLease, after n: Int) async throws -> (run: Run, steps: [RunStep]) {
        let results = try await pool.atomically([
            RunStatements.find(lease.run, limit: nil), RunStepStatements.page(of: lease.run, after: n, atMost: 10_000),
        ])
        guard let row = results[0].first else { throw RunLeaseLost() }
        return (try Run(row), try results[1].map(RunStep.init))
    }

    /// Lets a run wait as it was read. Returns whether it does: somebody may have woken it since, or what it would wait
    /// for has come already and woke it while it was not waiting yet. What comes later finds it waiting, and wakes it.
    func wait(_ run: Run, for wait: RunWait, until: Timestamp, _ lease: RunLease) async throws -> Bool {
        try await write(lease) { transaction, present in
            let ended = try transaction.query([
                RunStepStatements.endedJobs(of: run.id), RunStepStatements.endedChildren(of: run.id),
            ])
            guard present.wakeAt == run.wakeAt, ended.allSatisfy(\.isEmpty) else { return false }
            _ = try transaction.query([
                RunStatements.wait(run.id, for: wait, until: until), RunEventStatements.append("waiting", of: run.id),
            ])
            return true
        }
    }

    /// Writes statements, all or none, if the lease is still ours. What the database could not do at the moment is
    /// tried again for a while: what is written has happened already.
    func write(_ lease: RunLease, _ statements: [SQL]) async throws {
        try await write(lease) { transaction, _ in _ = try transaction.query(statements) }
    }

    /// The same with a body that may look before it writes.
    func write<Value: Sendable>(
        _ lease: RunLease,
        _ body: @escaping @Sendable (isolated Transaction, Run) throws -> Value
    ) async throws -> Value {
        let backoff = Backoff(from: .milliseconds(50), cap: .seconds(2))
        var attempt = 1
        while true {
            do {
                let value = try await pool.withTransaction { transaction in
                    try await RunLedger.write(lease, in: transaction, body)
                }
                changed()
                return value
            } catch let error as PostgresError where RunLedger.mayPass(error) && attempt < 6 {
                try await Task.sleep(for: backoff.wait(afterAttempt: attempt, random: .system))
                attempt += 1
            }
        }
    }

    private static func write<Value: Sendable>(
        _ lease: RunLease,
        in transaction: isolated Transaction,
        _ body: @Sendable (isolated Transaction, Run) throws -> Value
    ) async throws -> Value {
        guard let row = try transaction.query(RunStatements.hold(lease)).first else { throw RunLeaseLost() }
        return try body(transaction, try Run(row))
    }

    /// Whether nothing was written and the next try may succeed.
    private static func mayPass(_ error: PostgresError) -> Bool { error.isRetriable || error.kind == .connectionLost }
}
