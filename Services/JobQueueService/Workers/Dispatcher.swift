import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres

/// Hands jobs to workers, and carries what workers say about them. Everything a worker does goes through here,
/// whether it runs in this process or far away.
final class Dispatcher: Service {
    let name = "dispatcher"

    private let pool: Pool
    private let bell: ReadyBell
    private let lanes: Lanes
    private let floors: FloorKeeper
    private let budgets: RetryBudgets
    private let changed: @Sendable () -> Void
    private let dependentsMayGo: @Sendable () -> Void
    private let lease: Duration
    private let starts: Batcher<LeaseKey, VerbOutcome>
    private let completions: Batcher<Completion, VerbOutcome>
    private let failures: Batcher<Failure, VerbOutcome>
    private let snoozes: Batcher<Snooze, VerbOutcome>
    private let suspensions: Batcher<Suspension, VerbOutcome>
    private let releases: Batcher<Release, VerbOutcome>
    private let progresses: Batcher<Progress, VerbOutcome>

    /// How long a session lives without a heartbeat.
    var leaseDuration: Duration { lease }

    /// A dispatcher that tells `changed` whenever events were appended, and `dependentsMayGo` when a job has ended that
    /// others wait for.
    init(
        pool: Pool,
        bell: ReadyBell,
        lanes: Lanes,
        floors: FloorKeeper,
        lease: Duration,
        retries: RetryPolicy,
        budgets: RetryBudgets,
        changed: @escaping @Sendable () -> Void,
        dependentsMayGo: @escaping @Sendable () -> Void,
        lookAround: @escaping @Sendable () -> Void
    ) {
        self.pool = pool
        self.bell = bell
        self.lanes = lanes
        self.floors = floors
        self.budgets = budgets
        self.lease = lease
        self.changed = changed
        self.dependentsMayGo = dependentsMayGo
        let ring: @Sendable () -> Void = {
            changed()
            lookAround()
        }
        // A lease that ends may be what others wait for.
        let slotFreed: @Sendable () -> Void = { [lanes] in
            changed()
            if lanes.haveJobs { lookAround() }
        }
        // Verbs that may end a job return a third column: whether others wait for it.
        let seeEnds: @Sendable (Rows) throws -> Void = { rows in
            if try rows.contains(where: { try $0.decode(2) }) { dependentsMayGo() }
        }
        starts = Dispatcher.batcher(pool, .start, changed) { rows in
            for row in rows { if let dependency: String = try row.decode(2) { budgets.started(dependency) } }
        } statement: {
            LeaseStatements.start($0)
        } key: {
            $0
        }
        completions = Dispatcher.batcher(pool, .complete, slotFreed, seeEnds) {
            LeaseStatements.complete($0)
        } key: {
            $0.key
        }
        failures = Dispatcher.batcher(pool, .fail, slotFreed, seeEnds) {
            LeaseStatements.fail($0, retries)
        } key: {
            $0.key
        }
        snoozes = Dispatcher.batcher(pool, .snooze, slotFreed) {
            LeaseStatements.snooze($0)
        } key: {
            $0.key
        }
        suspensions = Dispatcher.batcher(pool, .suspend, ring) {
            LeaseStatements.suspend($0)
        } key: {
            $0.key
        }
        releases = Dispatcher.batcher(pool, .release, ring) {
            LeaseStatements.release($0)
        } key: {
            $0.key
        }
        progresses = Dispatcher.batcher(pool, nil, changed) {
            LeaseStatements.progress($0)
        } key: {
            $0.key
        }
    }

    /// Carries verbs until `stop` is raised.
    func run(until stop: StopSignal) async throws {
        try await stop.cancelling { [self] in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.starts.run() }
                group.addTask { try await self.completions.run() }
                group.addTask { try await self.failures.run() }
                group.addTask { try await self.snoozes.run() }
                group.addTask { try await self.suspensions.run() }
                group.addTask { try await self.releases.run() }
                group.addTask { try await self.progresses.run() }
                try await group.waitForAll()
            }
        }
    }

    /// Leases up to `limit` jobs; waits up to `wait` when there are none. `starting` begins them too, which saves the
    /// worker from saying so; a few may come that are not begun.
    func acquire(_ worker: Worker, limit: Int, wait: Duration, starting: Bool = false) async throws -> [Lease] {
        let deadline = ContinuousClock.now + wait
        let waiter = ReadyBell.Waiter(WorkerFilter(worker))
        bell.enter(waiter)
        defer { bell.leave(waiter) }
        while true {
            let leases = try await claim(worker, limit, starting)
            let left = deadline - ContinuousClock.now
            guard leases.isEmpty, left > .zero else { return leases }
            _ = try await waiter.wakeup.wait(atMost: left)
        }
    }

    /// Leases jobs from the open line, or from lanes when there are none. Where lanes are known to have jobs they come
    /// first every other time.
    private func take(_ worker: Worker, _ limit: Int, _ starting: Bool) async throws -> [Lease] {
        var leases: [Lease] = []
        let lanesFirst = lanes.takeTurn(worker)
        if lanesFirst { leases = try await takeFromLanes(worker, limit: limit) }
        guard leases.count < limit else { return leases }
        do {
            leases += try await takeFromLine(worker, limit: limit - leases.count, starting)
            if leases.isEmpty, !lanesFirst { leases = try await takeFromLanes(worker, limit: limit) }
        } catch  where !leases.isEmpty {
            // What was leased already must reach its worker; whatever is wrong shows at the next look.
        }
        return leases
    }

    private func takeFromLine(_ worker: Worker, limit: Int, _ starting: Bool) async throws -> [Lease] {
        let lines = floors.lines(of: worker.kinds)
        let rows = try await pool.query(
            LeaseStatements.claim(worker, from: lines, limit: limit, starting: starting)
        )
        if starting, !rows.isEmpty { changed() }
        var seen: Set<Line> = []
        var leftSome = false
        let leases = try rows.map { row in
            let lease = try Lease(row, isStarted: starting)
            seen.insert(Line(kind: lease.kind, priority: try row.decode(Lease.columnCount)))
            leftSome = try row.decode(Lease.columnCount + 1)
            if let dependency: String = try row.decode(Lease.columnCount + 2) { budgets.started(dependency) }
            return lease
        }
        floors.note(seen)
        // While this claim looked at them they were hidden from others, who may wait now.
        if leftSome { bell.ring(worker.kinds) }
        return leases
    }

    private func takeFromLanes(_ worker: Worker, limit: Int) async throws -> [Lease] {
        let found = try await lanes.claim(worker, limit: limit)
        // There may be more, and only a few were woken: the next one looks too, until one finds nothing.
        if found.mayHaveMore { bell.ring(Array(Set(found.leases.map(\.kind)))) }
        return found.leases
    }

    /// Claims jobs, and puts them in line again when the caller has gone meanwhile.
    private func claim(_ worker: Worker, _ limit: Int, _ starting: Bool) async throws -> [Lease] {
        try Task.checkCancellation()
        // In a task of its own: of a claim that is cancelled nobody would know whether it has leased something.
        let claimed = Task.immediate { try await self.take(worker, limit, starting) }
        let leases = try await claimed.value
        guard Task.isCancelled, !leases.isEmpty else { return leases }
        let keys = leases.map { Release(key: LeaseKey(jobID: $0.jobID, fence: $0.fence), checkpoint: nil) }
        _ = try await Task { try await self.release(keys) }.value
        throw CancellationError()
    }

    /// Puts jobs in line again that a worker has leased and not started.
    func handBackUnstarted(_ worker: Worker) async throws {
        try await handBack(
            LeaseStatements.handBackUnstarted(worker.id, except: [], olderThan: .zero, begunToo: false)
        )
    }

    /// Puts jobs in line again that a worker has leased a lease time ago and does not know of.
    func handBackUnheard(_ worker: Worker, knowing keys: [LeaseKey]) async throws {
        try await handBack(
            LeaseStatements.handBackUnstarted(worker.id, except: keys, olderThan: lease, begunToo: true)
        )
    }

    private func handBack(_ statement: SQL) async throws {
        let kinds: [String] = try await pool.query(statement).map { try $0.decode(2) }
        if !kinds.isEmpty { changed() }
        bell.ring(kinds)
    }

    /// To be called after a job was completed in somebody else's transaction.
    func completed() {
        changed()
        dependentsMayGo()
    }

    func start(_ key: LeaseKey) async throws -> VerbOutcome { try await starts.submit(key) }
    func complete(_ item: Completion) async throws -> VerbOutcome { try await completions.submit(item) }
    func fail(_ item: Failure) async throws -> VerbOutcome { try await failures.submit(item) }
    func snooze(_ item: Snooze) async throws -> VerbOutcome { try await snoozes.submit(item) }
    func suspend(_ item: Suspension) async throws -> VerbOutcome { try await suspensions.submit(item) }
    func release(_ item: Release) async throws -> VerbOutcome { try await releases.submit(item) }
    func progress(_ item: Progress) async throws -> VerbOutcome { try await progresses.submit(item) }

    // What comes together leaves together.
    func start(_ keys: [LeaseKey]) async throws -> [VerbOutcome] { try await starts.submit(keys) }
    func complete(_ items: [Completion]) async throws -> [VerbOutcome] { try await completions.submit(items) }
    func fail(_ items: [Failure]) async throws -> [VerbOutcome] { try await failures.submit(items) }
    func snooze(_ items: [Snooze]) async throws -> [VerbOutcome] { try await snoozes.submit(items) }
    func suspend(_ items: [Suspension]) async throws -> [VerbOutcome] { try await suspensions.submit(items) }
    func release(_ items: [Release]) async throws -> [VerbOutcome] { try await releases.submit(items) }
    func progress(_ items: [Progress]) async throws -> [VerbOutcome] { try await progresses.submit(items) }

    /// Stores log lines. They are dropped, silently for the worker, when the job has too many already.
    func log(_ items: [LogLines]) async throws -> [VerbOutcome] {
        let held = Set(try await pool.query(LeaseStatements.log(items)).map(LeaseKey.init))
        return items.map { held.contains($0.key) ? .ok : .leaseLost }
    }

    /// Batches a verb: one statement for all who say it at the same time, and the truth about those it did not change.
    private static func batcher<Item: Sendable>(
        _ pool: Pool,
        _ verb: LeaseVerb?,
        _ changed: @escaping @Sendable () -> Void,
        _ see: @escaping @Sendable (Rows) throws -> Void = { _ in },
        statement: @escaping @Sendable ([Item]) -> SQL,
        key: @escaping @Sendable (Item) -> LeaseKey
    ) -> Batcher<Item, VerbOutcome> {
        Batcher(
            maximumBatch: 500,
            maximumWaiting: 50_000,
            parallel: 2,
            mayRetryAlone: { ($0 as? PostgresError)?.kind == .server }
        ) { items in
            let rows = try await pool.query(statement(items))
            let done = Set(try rows.map(LeaseKey.init))
            if !done.isEmpty { changed() }
            try see(rows)
            let missed = items.map(key).filter { !done.contains($0) }
            guard !missed.isEmpty else { return items.map { _ in .ok } }
            var before: Set<LeaseKey> = []
            if let verb {
                before = Set(try await pool.query(LeaseStatements.doneBefore(missed, verb)).map(LeaseKey.init))
            }
            let held = Set(try await pool.query(LeaseStatements.held(missed)).map(LeaseKey.init))
            return items.map { item in
                let key = key(item)
                if done.contains(key) || before.contains(key) { return .ok }
                return held.contains(key) ? .notStarted : .leaseLost
            }
        }
    }
}
