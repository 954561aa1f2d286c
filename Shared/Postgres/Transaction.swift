import Kernel

/// How much a transaction sees of others.
public enum Isolation: String, Sendable {
    /// Each statement sees what was committed before it.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after the other; some are refused (`.serializationFailure`) and must run again.
    case serializable = "SERIALIZABLE"
}

/// A transaction, lent by `Pool.withTransaction`. Its methods run on the connection's thread: a closure isolated to
/// it calls them without `await` and without a thread hop; other code awaits them.
///
/// ```
///           first statement (BEGIN travels with it)        COMMIT or ROLLBACK
///   fresh ─────────────────────────────────────────▶ open ────────────────────▶ ended
///     └──────────────────────────────────────────────────────────────────────────▲
///                     nothing was ever said: nothing to commit
/// ```
public actor Transaction {
    private enum State {
        /// Nothing was sent. → open, ended
        case fresh
        /// BEGIN was sent. → ended
        case open
        /// The connection is no longer ours.
        case ended
    }

    private let connection: Connection
    private let begin: [SQL]
    private var state = State.fresh

    // The actor holds the connection and that holds the executor, so the reference cannot dangle.
    /// The connection's thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe connection.unownedExecutor }

    init(on connection: Connection, _ isolation: Isolation, readOnly: Bool, settings: PoolSettings) {
        self.connection = connection
        // If this process dies or its machine vanishes, the server must not keep the locks: the limits are a little
        // longer than the client's own, which report better. SET LOCAL leaves no session state behind.
        let limit = String(settings.statementTimeout.milliseconds + 5000)
        begin = [
            SQL(unchecked: "BEGIN ISOLATION LEVEL \(isolation.rawValue)\(readOnly ? " READ ONLY" : "")"),
            """
            SELECT set_config('statement_timeout', \(limit), true),
                   set_config('idle_in_transaction_session_timeout', \(limit), true)
            """,
        ]
    }

    /// Runs one statement and returns its rows.
    public func query(_ sql: SQL, timeout: Duration? = nil) throws -> Rows {
        try perform([sql], timeout: timeout)[0]
    }

    /// Runs one statement and returns how many rows it affected.
    @discardableResult
    public func execute(_ sql: SQL, timeout: Duration? = nil) throws -> Int {
        try query(sql, timeout: timeout).affectedRows
    }

    /// Runs several statements in one round trip and returns a result for each.
    public func query(_ batch: [SQL], timeout: Duration? = nil) throws -> [Rows] {
        try perform(batch, timeout: timeout)
    }

    /// Runs a text of several statements without parameters.
    func runScript(_ text: String, timeout: Duration) throws {
        if case .fresh = state { _ = try perform(["SELECT 1"], timeout: timeout) }
        try onConnection { try $0.runScript(text, timeout: timeout) }
    }

    private func perform(_ batch: [SQL], timeout: Duration?) throws -> [Rows] {
        switch state {
        case .ended: throw PostgresError(.closed, "the transaction has ended")
        case .open: return try onConnection { try $0.run(batch, timeout: timeout) }
        case .fresh:
            // Even if it fails, BEGIN may have been executed.
            state = .open
            let begin = begin
            let results = try onConnection { try $0.run(begin + batch, timeout: timeout) }
            return Array(results.dropFirst(begin.count))
        }
    }

    /// Runs the body, then commits; rolls back when it throws or the task is cancelled.
    func run<Value: Sendable>(
        _ body: @Sendable (isolated Transaction) async throws -> Value
    ) async throws -> Value {
        // Before the body, which may do other things than SQL and must not begin twice.
        try onConnection { try $0.refuseIfStale() }
        let value: Value
        do {
            value = try await body(self)
            if connection.signals.isCancelRequested { throw CancellationError() }
        } catch {
            rollback()
            throw error
        }
        try commit()
        return value
    }

    private func commit() throws {
        defer { state = .ended }
        guard case .open = state else { return }
        do {
            // Shielded: once COMMIT is sent, only its answer tells what happened.
            let result = try onConnection { try $0.run(["COMMIT"], isShielded: true) }
            // The server answers COMMIT with ROLLBACK when an earlier statement failed and the body went on.
            guard result[0].command == "COMMIT" else {
                throw PostgresError(
                    .server,
                    "the transaction was rolled back: one of its statements had failed",
                    code: .inFailedTransaction
                )
            }
        } catch let error as PostgresError where error.isConnectionLost || error.kind == .timedOut {
            connection.signals.noteUnusable()
            throw PostgresError(
                .commitUnknown,
                "the connection was lost during COMMIT; whether it took effect is unknown",
                detail: error.detail
            )
        }
    }

    private func rollback() {
        defer { state = .ended }
        guard case .open = state, connection.signals.isUsable else { return }
        do {
            // Shielded: a cancelled task rolls back all the same.
            try onConnection { connection in
                if !connection.isOutsideTransaction { _ = try connection.run(["ROLLBACK"], isShielded: true) }
            }
        } catch {
            // The body's error is the one to report; the server rolls back when the connection is thrown away.
            connection.signals.noteUnusable()
        }
    }

    /// The transaction and the connection have the same thread, on which this runs.
    private func onConnection<Value: Sendable>(_ body: (isolated Connection) throws -> Value) throws -> Value {
        try connection.assumeIsolated(body)
    }
}
