import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Leases jobs of lanes, which have limits, for the workers of this process.
///
/// All that counts is in the database; here is only what saves asking it in vain: which queues have limits, of which kinds
/// jobs wait in lanes, and when a rate allows more.
final class Lanes: Sendable {
    private struct State {
        /// Kinds of which jobs waited in lanes at the last look.
        var kinds: Set<String> = []
        /// Queues that had limits at the last look, and when that was learned, or a job of theirs last found astray.
        var limitedQueues: [String: ContinuousClock.Instant] = [:]
        /// Whether the open line had its turn last.
        var isTheirTurn = false
        /// When a rate that stood in the way allows a start.
        var opensAt: ContinuousClock.Instant?
    }

    /// Jobs that a look found, and whether it left some that might have been had.
    struct Catch {
        var leases: [Lease] = []
        var mayHaveMore = false
    }

    /// Queues that one acquisition tries.
    private static let maximumQueues = 8

    private let pool: Pool
    private let clock: WallClock
    private let state = Lock(State())
    /// Claims of one queue wait for each other while they hold a connection: they must not take all there are.
    private let places = AsyncSemaphore(places: 2)
    /// Signalled when a rate allows a start sooner than was known.
    let rateChanged = Wakeup()

    /// Lanes of jobs that are made by `clock`.
    init(pool: Pool, clock: WallClock = .system) {
        self.pool = pool
        self.clock = clock
    }

    /// Whether jobs waited at the last look, so that a slot that becomes free is good news for somebody.
    var haveJobs: Bool { state.withLock { !$0.kinds.isEmpty } }

    /// Notes whether jobs of some kinds wait in lanes.
    func note(haveJobs: Bool, of kinds: [String]) {
        state.withLock { if haveJobs { $0.kinds.formUnion(kinds) } else { $0.kinds.subtract(kinds) } }
    }

    /// Whether a job may belong into a lane. One that is stored in ignorance stands in the open line, where nobody takes
    /// it, until the keeper brings it into its lane.
    func mayHold(_ job: Job) -> Bool {
        job.concurrencyKey != nil || state.withLock { $0.limitedQueues[job.queue] != nil }
    }

    /// Notes which queues have limits.
    func note(limitedQueues: [String]) {
        let now = ContinuousClock.now
        state.withLock { state in
            let known = state.limitedQueues
            state.limitedQueues = Dictionary(limitedQueues.map { ($0, known[$0] ?? now) }) { first, _ in first }
        }
    }

    /// Notes that jobs of these queues were found in the open line.
    func note(hadStrays queues: [String]) {
        let now = ContinuousClock.now
        state.withLock { state in for queue in queues { state.limitedQueues[queue] = now } }
    }

    /// Queues of which jobs may stand in the open line: what this process stores in ignorance is stored by statements
    /// that end within a minute.
    var newlyLimited: [String] {
        let recent = ContinuousClock.now - .seconds(60)
        return state.withLock { $0.limitedQueues.filter { $0.value > recent }.map(\.key) }
    }

    /// Notes jobs that were stored. Returns whether some may stand in the open line all the same: those whose queue was
    /// found to be limited after they were made, or so shortly before that clocks may differ about it.
    func note(stored jobs: [Job]) -> Bool {
        let kinds = jobs.filter(mayHold).map(\.kind)
        if !kinds.isEmpty { note(haveJobs: true, of: kinds) }
        let (instant, time) = (ContinuousClock.now, clock.now())
        return state.withLock { state in
            jobs.contains { job in
                guard let learned = state.limitedQueues[job.queue] else { return false }
                return instant - learned <= time - job.createdAt + .seconds(1)
            }
        }
    }

    /// Whether lanes come before the open line this time: each is first every other time, so that neither starves.
    func takeTurn(_ worker: Worker) -> Bool {
        state.withLock { state in
            guard !state.kinds.isDisjoint(with: worker.kinds) else { return false }
            state.isTheirTurn.toggle()
            return state.isTheirTurn
        }
    }

    /// Leases up to `limit` jobs.
    func claim(_ worker: Worker, limit: Int) async throws -> Catch {
        try await places.withPlace {
            var found = Catch()
            let queues = try await pool.query(LaneStatements.queues(for: worker, limit: Lanes.maximumQueues))
            note(haveJobs: !queues.isEmpty, of: worker.kinds)
            for row in queues {
                let slots: Int = try row.decode(1)
                if slots == 0 {
                    note(wait: try row.decode(2))
                    continue
                }
                let leases: [Lease]
                do {
                    leases = try await claim(worker, queue: try row.decode(0), limit: limit - found.leases.count)
                } catch  where !found.leases.isEmpty {
                    // What was leased already must reach its worker; whatever is wrong shows at the next look.
                    return found
                }
                if !leases.isEmpty { found.mayHaveMore = true }
                found.leases += leases
                if found.leases.count >= limit { break }
            }
            return found
        }
    }

    private func claim(_ worker: Worker, queue: String, limit: Int) async throws -> [Lease] {
        let statements = [LaneStatements.lock(queue), LaneStatements.claim(worker, queue: queue, limit: limit)]
        let rows = try await pool.atomically(statements)[1]
        if let row = rows.first { note(wait: try row.decode(Lease.columnCount)) }
        return try Lease.all(rows)
    }

    private func note(wait: Double?) {
        guard let wait else { return }
        let instant = ContinuousClock.now + .milliseconds(Int64(max(0, wait) * 1000) + 1)
        let isSooner = state.withLock { state in
            if let known = state.opensAt, known <= instant { return false }
            state.opensAt = instant
            return true
        }
        if isSooner { rateChanged.signal() }
    }

    /// How long it takes until a rate allows a start.
    var untilOpen: Duration? {
        state.withLock { $0.opensAt.map { max(.zero, $0 - ContinuousClock.now) } }
    }

    /// Whether a rate allows a start now that it did not allow before; each time is told once.
    func takeOpening() -> Bool {
        state.withLock { state in
            guard let opensAt = state.opensAt, opensAt <= ContinuousClock.now else { return false }
            state.opensAt = nil
            return true
        }
    }
}
