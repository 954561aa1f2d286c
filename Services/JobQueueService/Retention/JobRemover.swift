import Contracts
import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry

/// Deletes jobs that have ended long enough ago, with their logs and files; one replica at a time, slowly enough that
/// nobody notices: after each part it rests four times as long as the part took.
///
/// Each period that the settings and the queues know is swept on its own, over the part of the primary key that has come
/// of age since its last sweep. What ended late, long after its submission, is found by a sweep from the beginning, once
/// a period, though every hour at most and every day at least.
struct JobRemover: Service {
    let name = "job remover"
    let pool: Pool
    let results: ResultStore
    let defaults: RetentionPeriods
    let logger: Logger
    let removed: Counter
    var rest: Duration = .seconds(30)
    /// A file younger than this may be that of a job whose row is on its way.
    var fileGrace: Duration = .seconds(3600)
    var clock = WallClock.system
    var pageSize = 500

    init(pool: Pool, results: ResultStore, defaults: RetentionPeriods, logger: Logger, metrics: Metrics) {
        self.pool = pool
        self.results = results
        self.defaults = defaults
        self.logger = logger
        removed = metrics.counter("martlet_jobs_removed_total", "Ended jobs deleted because their time was over.")
    }

    func run(until stop: StopSignal) async throws {
        try await LeaderLease(name, pool: pool, term: .seconds(60), logger: logger)
            .run(until: stop) { _ in
                try await remove()
            }
    }

    /// How far a period's sweep got.
    private struct Sweep {
        var place = UUID(high: 0, low: 0)
        let begun = ContinuousClock.now
    }

    private func remove() async throws {
        var sweeps: [Int: Sweep] = [:]
        var rules: [String: RetentionPeriods] = [:]
        while true {
            let current = try await overrides()
            // A queue whose rule is another one now may have much that is due all at once.
            if current != rules { sweeps = [:] }
            rules = current
            let periods = Set(([defaults] + rules.values).flatMap(\.milliseconds.values)).filter { $0 > 0 }
            sweeps = sweeps.filter { period, sweep in
                let renewal = Duration.milliseconds(min(max(period, 3_600_000), 86_400_000))
                return ContinuousClock.now - sweep.begun < renewal
            }
            for period in periods.sorted() {
                var sweep = sweeps[period] ?? Sweep()
                sweep.place = try await self.sweep(period, after: sweep.place)
                sweeps[period] = sweep
            }
            try await removeFiles()
            try await Task.sleep(for: rest)
        }
    }

    private func overrides() async throws -> [String: RetentionPeriods] {
        var rules: [String: RetentionPeriods] = [:]
        for row in try await pool.query(RetentionStatements.all) {
            var reader = row.reader
            rules[try reader.next()] = try RetentionPeriods(&reader)
        }
        return rules
    }

    /// Deletes what is due among the jobs that were submitted a period ago and earlier; returns how far it got.
    private func sweep(_ period: Int, after start: UUID) async throws -> UUID {
        // Jobs end some time after their submission: what is looked at a little later is looked at once.
        let age = Duration.milliseconds(period + min(period / 10, 21_600_000))
        let bound = UUID.bound(at: Timestamp(microseconds: clock.now().microseconds - age.microseconds))
        var place = start
        var total = 0
        while place < bound {
            let began = ContinuousClock.now
            let page = RetentionStatements.remove(after: place, before: bound, defaults: defaults, atMost: pageSize)
            let (seen, last, gone) = try await pool.withTransaction { transaction -> (Int, UUID?, Int) in
                _ = try transaction.query([PlannerStatements.withoutJIT, StatsStatements.announceDeletion])
                guard let row = try transaction.query(page).first else { return (0, nil, 0) }
                return (try row.decode(0), try row.decode(1), try row.decode(2))
            }
            total += gone
            removed.add(gone)
            guard seen == pageSize, let last else { break }
            place = last
            try await Task.sleep(for: (ContinuousClock.now - began) * 4)
        }
        if total > 0 { logger.info("deleted jobs whose time was over", ["jobs": total]) }
        return max(place, bound)
    }

    /// Removes the files of deleted jobs that no other job has yielded.
    private func removeFiles() async throws {
        while true {
            let contents: [[UInt8]] = try await pool.query(RetentionStatements.loose(atMost: 100))
                .map { try $0.decode(0) }
            guard !contents.isEmpty else { return }
            var (gone, young): ([[UInt8]], [[UInt8]]) = ([], [])
            for content in contents {
                if try results.remove(content, olderThan: fileGrace) {
                    gone.append(content)
                } else {
                    young.append(content)
                }
            }
            if !gone.isEmpty { try await pool.execute(RetentionStatements.forgetLoose(gone)) }
            if !young.isEmpty { try await pool.execute(RetentionStatements.postponeLoose(young)) }
            guard young.isEmpty, contents.count == 100 else { return }
        }
    }
}
