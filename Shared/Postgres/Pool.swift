import Concurrency
public import Kernel
public import Telemetry

/// A bounded number of connections, opened when needed and lent one task at a time.
///
/// ```swift
/// let pool = Pool(PoolSettings("postgres://…"), logger: logger, metrics: metrics)
/// let rows = try await pool.query("SELECT id, kind FROM jobs WHERE queue = \(queue)")
/// for row in rows {
///     var reader = row.reader
///     let id: JobID = try reader.next()
///     let kind: String = try reader.next()
/// }
/// ```
///
/// Every call throws `CancellationError` when its task is cancelled, after telling the server to stop; else
/// `PostgresError`. Do not ask the pool for a connection while holding one: that can wait for itself.
public final class Pool: Sendable {
    private let core: PoolCore
    private let sweeper: Task<Void, Never>

    /// A pool that has not connected yet; a wrong connection string shows at the first use, or in
    /// `PoolSettings.validate()`.
    public init(_ settings: PoolSettings, logger: Logger, metrics: Metrics, random: RandomSource = .system) {
        let core = PoolCore(settings, logger: logger, metrics: metrics, random: random)
        self.core = core
        // Ended by `close` and by `deinit`.
        sweeper = Task { await core.sweep() }
    }

    deinit {
        sweeper.cancel()
        core.beginClosing()
    }

    /// Runs one statement, in one round trip, and returns its rows.
    public func query(_ sql: SQL, timeout: Duration? = nil) async throws -> Rows {
        try await lease { connection in try await connection.lendQuery(sql, timeout: timeout) }
    }

    /// Runs one statement, in one round trip, and returns how many rows it affected.
    @discardableResult
    public func execute(_ sql: SQL, timeout: Duration? = nil) async throws -> Int {
        try await query(sql, timeout: timeout).affectedRows
    }

    /// Runs statements in one round trip as one transaction: all of them take effect or none.
    ///
    /// None can use another's result. An error is the first statement's that failed.
    public func atomically(_ statements: [SQL], timeout: Duration? = nil) async throws -> [Rows] {
        if statements.isEmpty { return [] }
        return try await lease { connection in try await connection.lendAtomically(statements, timeout: timeout) }
    }

    /// Runs `body` in a transaction: COMMIT when it returns, ROLLBACK when it throws or the task is cancelled.
    ///
    /// BEGIN travels with the first statement. The body runs on the connection's thread, so it should do nothing
    /// slow but SQL; it may run `retries` more times when the server could not serialise it (`isRetriable`), so its
    /// effects outside the database must bear repeating.
    ///
    /// - Throws: What `body` throws; `PostgresError` of kind `.commitUnknown` when the connection broke during
    ///   COMMIT.
    public func withTransaction<Value: Sendable>(
        _ isolation: Isolation = .readCommitted,
        readOnly: Bool = false,
        retries: Int = 0,
        _ body: @Sendable (isolated Transaction) async throws -> Value
    ) async throws -> Value {
        let backoff = Backoff(from: .milliseconds(5), cap: .milliseconds(250))
        var attempt = 1
        while true {
            do {
                return try await lease { connection in
                    try await Transaction(on: connection, isolation, readOnly: readOnly, settings: core.settings)
                        .run(body)
                }
            } catch let error as PostgresError where error.kind == .server && error.isRetriable && attempt <= retries {
                try await Task.sleep(for: backoff.wait(afterAttempt: attempt, random: .system))
                attempt += 1
            }
        }
    }

    /// Lends a connection for several statements that need no transaction. A transaction left open is rolled back.
    public func withConnection<Value: Sendable>(
        _ body: @Sendable (isolated Connection) async throws -> Value
    ) async throws -> Value {
        try await lease { connection in try await connection.lend(body) }
    }

    /// Refuses new callers, waits for the lent connections, and ends all; at most `limit`.
    public func close(within limit: Duration = .seconds(10)) async {
        core.beginClosing()
        sweeper.cancel()
        _ = await core.waitUntilDrained(within: limit)
    }

    /// Lends a connection to `body`; a cancellation of the task reaches the statement under way.
    private func lease<Value: Sendable>(_ body: (Connection) async throws -> Value) async throws -> Value {
        // A connection that died while idle shows before anything is sent, so another may be taken. After an
        // outage all of them may be dead.
        for _ in 0...core.settings.size {
            let connection = try await core.acquire()
            let signals = connection.signals
            let lease = signals.beginLease()
            let start = ContinuousClock.now
            do {
                let value = try await withTaskCancellationHandler {
                    try await body(connection)
                } onCancel: {
                    signals.requestCancel(ofLease: lease)
                }
                core.metrics.roundTrip.record(ContinuousClock.now - start)
                core.release(connection)
                return value
            } catch is StaleConnection {
                core.release(connection)
            } catch {
                core.metrics.statementErrors.add()
                core.metrics.roundTrip.record(ContinuousClock.now - start)
                core.release(connection)
                throw error
            }
        }
        throw PostgresError.unavailable(nil)
    }
}
