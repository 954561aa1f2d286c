import Concurrency
public import Kernel
public import Lifecycle
public import Postgres
public import Telemetry

/// Gives a duty to one replica at a time.
///
/// ```
///   standing by ──acquired──▶ leading ──lost, failed, stopped──▶ standing by
/// ```
///
/// The lease lasts `term` by the database's clock and is renewed every third of it. A leader that could not renew
/// stops its duty before the term is over by its own monotonic clock; what it still writes is refused by its fence.
public struct LeaderLease: Sendable {
    /// The lease's name.
    public let name: String
    private let pool: Pool
    private let holder: UUID
    private let term: Duration
    private let logger: Logger

    /// A lease called `name`, held in the name of this process.
    public init(
        _ name: String,
        pool: Pool,
        holder: UUID = IdentifierSource().uuid(),
        term: Duration = .seconds(6),
        logger: Logger
    ) {
        self.name = name
        self.pool = pool
        self.holder = holder
        self.term = term
        self.logger = logger.with(["lease": name])
    }

    /// Runs `duty` whenever this process leads, until `stop` is raised. The duty gets its fence, and is cancelled when
    /// the lease is lost; when it fails, the lease is given back and taken again after a while.
    public func run(until stop: StopSignal, _ duty: @escaping @Sendable (_ fence: Int64) async throws -> Void)
        async throws
    {
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
        try await stop.cancelling {
            var failures = 0
            while true {
                do {
                    if let fence = try await acquire() {
                        logger.info("leading", ["fence": fence])
                        try await lead(fence, duty)
                    }
                    failures = 0
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    failures += 1
                    logger.warning("leader's duty failed", ["error": "\(error)"])
                    try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system))
                }
                try await Task.sleep(for: term / 6)
            }
        }
        // Best effort and bounded by the statement's deadline: without it the lease expires by itself.
        do {
            _ = try await pool.execute(LeaseStatements.release(name, holder: holder))
        } catch {
            logger.debug("lease not released", ["error": "\(error)"])
        }
    }

    private func acquire() async throws -> Int64? {
        try await pool.query(LeaseStatements.acquire(name, holder: holder, term: term)).first?.decode(0)
    }

    private func lead(_ fence: Int64, _ duty: @escaping @Sendable (Int64) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await duty(fence) }
            group.addTask { try await renew(fence) }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    /// Renews until the lease is lost, then returns.
    private func renew(_ fence: Int64) async throws {
        var renewed = ContinuousClock.now
        while ContinuousClock.now - renewed < term * 2 / 3 {
            try await Task.sleep(for: term / 3)
            let asked = ContinuousClock.now
            do {
                let held = try await withDeadline(term / 3, for: "renewing a lease") { try await acquire() }
                guard held == fence else { break }
                renewed = asked
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.debug("lease not renewed", ["error": "\(error)"])
            }
        }
        logger.warning("lost the lead", ["fence": fence])
    }
}
