import Concurrency
import Contracts
import Cron
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Fires schedules when they are due. All replicas do: each takes what no other has at hand, and moves it on in the
/// transaction that stores its jobs.
///
/// It sleeps until something is due. A change wakes it, also one that another replica made.
struct Timekeeper: Sendable {
    private let pool: Pool
    private let intake: Intake
    private let zones: ZoneDatabase
    private let clock: WallClock
    private let logger: Logger
    private let wakeup: Wakeup
    private let fires: Counter
    private let lateness: Histogram

    /// Schedules that are fired in one transaction.
    private static let batch = 50
    /// Jobs after which a transaction takes no further schedule.
    private static let jobsAtOnce = 1000
    /// How often it looks when nothing seems to be due: a replica that knew better may have died.
    private static let period = Duration.seconds(30)

    init(
        pool: Pool,
        intake: Intake,
        zones: ZoneDatabase,
        clock: WallClock = .system,
        logger: Logger,
        metrics: Metrics,
        wakeup: Wakeup
    ) {
        self.pool = pool
        self.intake = intake
        self.zones = zones
        self.clock = clock
        self.logger = logger
        self.wakeup = wakeup
        fires = metrics.counter("martlet_schedule_fires_total", "Jobs that schedules have submitted.")
        lateness = metrics.histogram(
            "martlet_schedule_lateness_seconds",
            "From the time at which a schedule is due to the commit of its job."
        )
    }

    var duty: Duty {
        Duty(
            name: "timekeeper",
            period: Timekeeper.period,
            logger: logger,
            wakeup: wakeup,
            untilNext: { try await untilNext() },
            perform: { try await fireDue() }
        )
    }

    /// Fires what is due, and tells whether there may be more.
    func fireDue() async throws -> Bool {
        do {
            return try await fire(only: nil)
        } catch let error as PostgresError where error.code?.concernsValues == true {
            // One of them holds what the database refuses. It must not stop the others.
            for row in try await pool.query(ScheduleStatements.due(at: clock.now(), limit: Timekeeper.batch)) {
                let id: ScheduleID = try row.decode(0)
                do {
                    _ = try await fire(only: id)
                } catch let error as PostgresError where error.code?.concernsValues == true {
                    logger.warning("schedule paused", ["schedule": id, "error": "\(error)"])
                    _ = try await pool.execute(ScheduleStatements.park(id, because: "its job cannot be stored"))
                }
            }
            return true
        } catch let refusal as ServiceError where refusal.code.isRetryable {
            // Others change the same unique keys all the time.
            logger.warning("schedules wait", ["error": "\(refusal)"])
            return false
        }
    }

    private func fire(only id: ScheduleID?) async throws -> Bool {
        let now = clock.now()
        let (firings, isMore) = try await Intake.settlingConflicts {
            try await pool.withTransaction { transaction in
                let rows = try transaction.query(
                    ScheduleStatements.lockDue(at: now, only: id, limit: Timekeeper.batch)
                )
                var firings: [Firing] = []
                var runs = 0
                for row in rows where runs < Timekeeper.jobsAtOnce {
                    let firing = Firing(try Schedule(row), at: now, zones)
                    runs += firing.runs.count
                    firings.append(firing)
                }
                guard !firings.isEmpty else { return (firings, false) }
                try store(&firings, in: transaction)
                try transaction.execute(ScheduleStatements.advance(firings, at: now))
                return (firings, rows.count == Timekeeper.batch || firings.count < rows.count)
            }
        }
        report(firings)
        return isMore
    }

    /// Stores the jobs of all together, as any submission is stored.
    private func store(_ firings: inout [Firing], in transaction: isolated Transaction) throws {
        var prepared = try intake.prepare(firings.flatMap { $0.runs.map(\.submission) }, in: transaction)[...]
        for index in firings.indices {
            let count = firings[index].runs.count
            firings[index].take(prepared: prepared.prefix(count))
            prepared = prepared.dropFirst(count)
        }
        var stored = try Intake.store(firings.flatMap(\.items), in: transaction)[...]
        for index in firings.indices {
            let count = firings[index].jobs.count
            firings[index].take(stored: stored.prefix(count))
            stored = stored.dropFirst(count)
        }
    }

    private func report(_ firings: [Firing]) {
        for firing in firings {
            if let error = firing.error {
                logger.warning("schedule not fired", ["schedule": firing.schedule.id, "error": error])
            }
            guard !firing.jobs.isEmpty, let tick = firing.runs.last?.tick else { continue }
            fires.add(firing.jobs.count)
            lateness.record(clock.now() - tick)
        }
        let jobs = firings.flatMap(\.jobs)
        if !jobs.isEmpty { intake.announce(jobs.map { .success(.new($0)) }) }
    }

    private func untilNext() async throws -> Duration? {
        guard let next: Timestamp = try await pool.query(ScheduleStatements.nextDue).first?.decode(0) else {
            return nil
        }
        // What is due and was not there to take, another replica has at hand.
        return max(next - clock.now(), .milliseconds(20))
    }
}
