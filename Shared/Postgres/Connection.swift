import Concurrency
import Glibc

/// One session with the server, on a thread of its own. Lent by `Pool.withConnection`.
///
/// Its methods are not `async`: a closure that is isolated to the connection calls them on its thread, without a
/// hop between statements, and each returns when the server has answered or the deadline has passed.
public actor Connection {
    private let executor: ThreadExecutor
    private let handle: ConnectionHandle
    private let canceller: Canceller
    private let cancelHandle: CancelHandle?
    private let settings: PoolSettings
    private var statements: StatementCache

    nonisolated let signals = ConnectionSignals()
    nonisolated let openedAt = ContinuousClock.now

    // The actor holds the executor, so the reference cannot dangle.
    /// The connection's thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private init(
        _ handle: consuming sending ConnectionHandle,
        on executor: ThreadExecutor,
        canceller: Canceller,
        settings: PoolSettings
    ) {
        self.executor = executor
        self.canceller = canceller
        self.settings = settings
        cancelHandle = handle.cancelHandle()
        self.handle = handle
        statements = StatementCache(capacity: settings.preparedStatements)
    }

    /// Connects on a new thread.
    static func open(
        _ settings: PoolSettings,
        name: String,
        canceller: Canceller
    ) async throws -> Connection {
        let executor = ThreadExecutor(name: name)
        return try await withTaskExecutorPreference(executor) {
            try await connect(settings, on: executor, canceller: canceller)
        }
    }

    // Concurrent, so that it runs on the preferred executor: connecting blocks its thread.
    @concurrent
    private static func connect(
        _ settings: PoolSettings,
        on executor: ThreadExecutor,
        canceller: Canceller
    ) async throws -> Connection {
        let parameters = try ConnectionParameters.parse(settings)
        let handle = try ConnectionHandle.open(parameters, within: settings.connectTimeout)
        let connection = Connection(handle, on: executor, canceller: canceller, settings: settings)
        // Behind a pooler that shares sessions this is lost, and costs no more than the time it would have saved.
        if settings.keepsPlans { _ = try await connection.query(keepPlans) }
        return connection
    }

    /// A plan that is made while a table is empty is kept when it is not: it must go by the indexes. Where it cannot,
    /// the price on other ways must not look like a reason to compile it.
    private static let keepPlans: SQL = """
        SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
            set_config('jit', 'off', false)
        """

    // MARK: Statements

    /// Runs one statement and returns its rows.
    public func query(_ sql: SQL, timeout: Duration? = nil) throws -> Rows {
        let rows = try run([sql], timeout: timeout)[0]
        requireOutsideTransaction()
        return rows
    }

    /// Runs one statement and returns how many rows it affected.
    @discardableResult
    public func execute(_ sql: SQL, timeout: Duration? = nil) throws -> Int {
        try query(sql, timeout: timeout).affectedRows
    }

    /// Runs `body` on the connection's thread, unless the connection turns out to be dead before that.
    func lend<Value: Sendable>(
        _ body: @Sendable (isolated Connection) async throws -> Value
    ) async throws -> Value {
        try refuseIfStale()
        let value = try await body(self)
        requireOutsideTransaction()
        return value
    }

    /// Runs one statement, unless the connection turns out to be dead before that.
    func lendQuery(_ sql: SQL, timeout: Duration?) throws -> Rows {
        try refuseIfStale()
        return try query(sql, timeout: timeout)
    }

    /// Runs statements in one round trip as one transaction, unless the connection turns out to be dead before that.
    func lendAtomically(_ statements: [SQL], timeout: Duration?) throws -> [Rows] {
        try refuseIfStale()
        let results = try run(statements, timeout: timeout)
        requireOutsideTransaction()
        return results
    }

    /// A statement that leaves a transaction open would lend it to the next task: such a connection is thrown away.
    private func requireOutsideTransaction() {
        if !handle.isOutsideTransaction { signals.noteUnusable() }
    }

    /// Whether an earlier transaction is still open on the session.
    var isOutsideTransaction: Bool { handle.isOutsideTransaction }

    /// Sends `batch` in one round trip and returns a result for each.
    ///
    /// - Parameter isShielded: whether the statements are sent and finished although the task was cancelled.
    func run(_ batch: [SQL], timeout: Duration? = nil, isShielded: Bool = false) throws -> [Rows] {
        do {
            return try attempt(batch, timeout: timeout, isShielded: isShielded)
        } catch let error as PostgresError where error.isStaleStatement && handle.isOutsideTransaction {
            // Nothing of the batch has lasted, and the stale statements are forgotten: once more, prepared anew.
            return try attempt(batch, timeout: timeout, isShielded: isShielded)
        }
    }

    private func attempt(_ batch: [SQL], timeout: Duration?, isShielded: Bool) throws -> [Rows] {
        if !isShielded && signals.isCancelRequested { throw CancellationError() }
        if handle.isOutsideTransaction { dropRetiredStatements() }
        var plan: [Step] = []
        for sql in batch { appendSteps(for: sql, to: &plan) }
        return try exchange(plan, timeout: timeout, isShielded: isShielded)
    }

    /// A script of several statements without parameters, in one text.
    func runScript(_ text: String, timeout: Duration) throws {
        var exchange = Exchange(deadline: .now + timeout, grace: settings.cancelGrace)
        guard handle.sendScript(text) else { throw lost() }
        try flush(&exchange, isShielded: false)
        var failure: PostgresError?
        while let result = try nextResult(&exchange, isShielded: false) {
            if result.outcome == .failure && failure == nil { failure = result.error() }
        }
        try finish(&exchange, failure: failure)
    }

    // MARK: The steps of a round trip

    private enum Step {
        case prepare(StatementCache.Key, name: String, SQL)
        case prepared(StatementCache.Key, name: String, SQL, Columns?)
        case direct(SQL)
    }

    private func appendSteps(for sql: SQL, to plan: inout [Step]) {
        guard settings.usesPreparedStatements else {
            plan.append(.direct(sql))
            return
        }
        let key = StatementCache.Key(sql)
        if let known = statements.find(key) {
            plan.append(.prepared(key, name: known.name, sql, known.columns))
            return
        }
        // Prepared in the same round trip; a batch may hold the same new statement twice.
        for case .prepare(key, let name, _) in plan {
            plan.append(.prepared(key, name: name, sql, nil))
            return
        }
        let name = statements.newName()
        plan.append(.prepare(key, name: name, sql))
        plan.append(.prepared(key, name: name, sql, nil))
    }

    private func exchange(_ plan: [Step], timeout: Duration?, isShielded: Bool) throws -> [Rows] {
        var exchange = Exchange(deadline: .now + (timeout ?? settings.statementTimeout), grace: settings.cancelGrace)
        let isPipelined = plan.count > 1
        if isPipelined {
            guard handle.enterPipeline() else { throw lost() }
        }
        for step in plan where !send(step) { throw lost() }
        if isPipelined {
            guard handle.sendSync() else { throw lost() }
        }
        try flush(&exchange, isShielded: isShielded)
        var results: [Rows] = []
        var failure: PostgresError?
        for step in plan {
            while let result = try nextResult(&exchange, isShielded: isShielded) {
                take(result, of: step, into: &results, failure: &failure)
            }
        }
        if isPipelined {
            let sync = try nextResult(&exchange, isShielded: isShielded)
            guard sync?.outcome == .sync, handle.exitPipeline() else { throw lost() }
        }
        try finish(&exchange, failure: failure)
        return results
    }

    private func send(_ step: Step) -> Bool {
        switch step {
        case .prepare(_, let name, let sql): handle.sendPrepare(name, sql.text, sql.parameters)
        case .prepared(_, let name, let sql, _): handle.sendPrepared(name, sql.parameters)
        case .direct(let sql): handle.send(sql.text, sql.parameters)
        }
    }

    private func take(
        _ result: borrowing ResultHandle,
        of step: Step,
        into results: inout [Rows],
        failure: inout PostgresError?
    ) {
        switch (result.outcome, step) {
        case (.success, .prepare(let key, let name, _)):
            statements.insert(key, name: name, columns: nil)
        case (.success, .prepared(let key, _, _, let known)):
            let columns = known ?? result.columns()
            if known == nil { statements.setColumns(columns, of: key) }
            results.append(result.rows(columns: columns))
        case (.success, .direct):
            results.append(result.rows(columns: nil))
        case (.failure, _):
            let error = result.error()
            if error.isStaleStatement, case .prepared(let key, _, _, _) = step { statements.remove(key) }
            if failure == nil { failure = error }
        case (.aborted, _), (.sync, _):
            break
        }
    }

    /// Tells the server to forget what the cache has forgotten. An unknown name is no harm: a pooler between may
    /// have given the session another server connection.
    private func dropRetiredStatements() {
        for name in statements.takeRetired() where !handle.isLost {
            do {
                _ = try exchange(
                    [.direct(SQL(unchecked: "DEALLOCATE \(name)"))],
                    timeout: settings.statementTimeout,
                    isShielded: true
                )
            } catch {
                if handle.isLost { signals.noteUnusable() }
            }
        }
    }

    // MARK: Waiting

    /// Refuses an idle connection to which the server has something to say: mostly that it has ended it (and then the
    /// end itself may not have arrived yet). Nothing has been sent, so another connection can be taken without
    /// doubt. One system call.
    func refuseIfStale() throws {
        guard handle.poll(Int16(POLLIN), until: .now).isReady else { return }
        signals.noteUnusable()
        throw StaleConnection()
    }

    private func flush(_ exchange: inout Exchange, isShielded: Bool) throws {
        while true {
            switch handle.flush() {
            case .done: return
            case .failed: throw lost()
            case .again:
                // The server may be writing instead of reading: take what it says, or both wait for ever.
                try wait(Int16(POLLIN | POLLOUT), &exchange, isShielded: isShielded)
                guard handle.consume() else { throw lost() }
            }
        }
    }

    private func nextResult(_ exchange: inout Exchange, isShielded: Bool) throws -> ResultHandle? {
        while handle.isBusy {
            try wait(Int16(POLLIN), &exchange, isShielded: isShielded)
            guard handle.consume() else { throw lost() }
        }
        return handle.nextResult()
    }

    private func wait(_ events: Int16, _ exchange: inout Exchange, isShielded: Bool) throws {
        while true {
            let ready = handle.poll(events, until: exchange.nextDeadline, signalledBy: signals.event.descriptor)
            if ready.isSignalled { signals.event.drain() }
            // Also when there is something to read: a result that never ends must not outlive its deadline, and a
            // signal that was drained must not be forgotten.
            if ready.isSignalled || !ready.isReady || ContinuousClock.now >= exchange.nextDeadline {
                try advance(&exchange, isShielded: isShielded)
            }
            if ready.isReady { return }
        }
    }

    private func advance(_ exchange: inout Exchange, isShielded: Bool) throws {
        let action = exchange.advance(
            now: .now,
            isCancelled: !isShielded && signals.isCancelRequested,
            isDelivered: signals.takeCancelReturned()
        )
        switch action {
        case .wait: break
        case .sendCancel: sendCancel()
        case .abandon(let cause):
            signals.noteUnusable()
            throw Self.error(for: cause)
        }
    }

    /// Owned by the canceller's thread: at most one request of a connection is on its way, and the exchange ends
    /// only after it.
    private func sendCancel() {
        guard let cancelHandle else { return }
        let canceller = canceller
        let signals = signals
        Task { await canceller.cancel(cancelHandle, then: signals) }
    }

    /// All results are read. A cancel request that is still on its way is waited for: it must not hit the next
    /// statement. A statement that finished although it was to be cancelled has taken effect, and says so.
    private func finish(_ exchange: inout Exchange, failure: PostgresError?) throws {
        while exchange.awaitsDelivery {
            let ready = handle.poll(0, until: exchange.nextDeadline, signalledBy: signals.event.descriptor)
            if ready.isSignalled { signals.event.drain() }
            if ready.isReady { signals.noteUnusable() }
            let action = exchange.advance(
                now: .now,
                isCancelled: false,
                isDelivered: signals.takeCancelReturned() || ready.isReady
            )
            if case .abandon = action {
                signals.noteUnusable()
                break
            }
        }
        if handle.isLost || failure?.isConnectionLost == true { signals.noteUnusable() }
        guard let failure else { return }
        if failure.code == .queryCanceled, let cause = exchange.cause { throw Self.error(for: cause) }
        throw failure
    }

    private func lost() -> PostgresError {
        signals.noteUnusable()
        return .connectionLost(handle.message)
    }

    private static func error(for cause: Exchange.Cause) -> any Error {
        switch cause {
        case .deadline: PostgresError.timedOut
        case .cancellation: CancellationError()
        }
    }

    // MARK: Notices

    /// Waits until a NOTIFY arrives, at most `limit`; returns those that have arrived.
    func nextNotices(within limit: Duration) throws -> [Notice] {
        let deadline = ContinuousClock.now + limit
        while true {
            guard handle.consume(), !handle.isLost else { throw lost() }
            var notices: [Notice] = []
            while let notice = handle.nextNotice() { notices.append(notice) }
            if !notices.isEmpty || ContinuousClock.now >= deadline { return notices }
            if signals.isCancelRequested { throw CancellationError() }
            let ready = handle.poll(Int16(POLLIN), until: deadline, signalledBy: signals.event.descriptor)
            if ready.isSignalled { signals.event.drain() }
        }
    }
}

/// The server had closed the connection before anything was sent on it.
struct StaleConnection: Error {}
