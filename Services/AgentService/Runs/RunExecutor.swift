import Concurrency
import Contracts
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Runs agents: takes runs that are due, as many as there is room for, and drives each until it waits or has ended.
///
/// ```
///   message, callback, decision ──▶ wake_at ──claim──▶ lease, fence ──▶ RunDriver ──▶ waits, or has ended
///                                      ▲                   │ renewed every third of its term
///                                      └── lease is over ──┘ when this process is gone
/// ```
///
/// A run that waits is a row and nothing else: it holds no task, no connection and no memory here.
final class RunExecutor: Service {
    let name = "run executor"
    private let ledger: RunLedger
    private let driver: RunDriver
    private let places: Int
    private let logger: Logger
    private let bell: RunBell
    private let active: Gauge

    init(_ driver: RunDriver, bell: RunBell, places: Int, logger: Logger, metrics: Metrics) {
        ledger = driver.ledger
        self.driver = driver
        self.bell = bell
        self.places = places
        self.logger = logger
        active = metrics.gauge("martlet_runs_driven", "Runs that this process drives.")
    }

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling { [self] in
            try await withThrowingDiscardingTaskGroup { group in
                let backoff = Backoff(from: .milliseconds(100), cap: .seconds(5))
                var failures = 0
                while true {
                    do {
                        let room = places - bell.count
                        let claimed = room > 0 ? try await ledger.claim(atMost: room) : []
                        failures = 0
                        for (run, lease) in claimed {
                            let wakeup = bell.enter(run.id)
                            active.set(bell.count)
                            group.addTask { await self.attend(lease, wakeup) }
                        }
                        // Runs of which nobody here was told are found by looking.
                        if claimed.isEmpty { _ = try await bell.due.wait(atMost: .seconds(1)) }
                    } catch let error as PostgresError {
                        failures += 1
                        if failures == 1 { logger.warning("runs cannot be claimed", ["error": "\(error)"]) }
                        try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system))
                    }
                }
            }
        }
    }

    /// Drives a run under its lease, and gives that back when the run waits or we stop.
    private func attend(_ lease: RunLease, _ wakeup: Wakeup) async {
        defer {
            bell.leave(lease.run)
            active.set(bell.count)
        }
        do {
            try await drive(lease, wakeup)
        } catch is CancellationError {
            // We stop: another process goes on at once.
        } catch is RunLeaseLost {
            return logger.info("a run is driven by another by now", ["run_id": lease.run])
        } catch {
            // Not given back: what fails every time is tried again when the lease has ended, and not at once for ever.
            return logger.error("a run was let go", ["run_id": lease.run, "error": "\(error)"])
        }
        let ledger = ledger
        // In a task that is not cancelled, as this one may be.
        let released = Task { try await ledger.release(lease) }
        do {
            try await released.value
        } catch {
            logger.debug("a lease was not given back; it ends by itself", ["run_id": lease.run, "error": "\(error)"])
        }
    }

    /// Drives while the lease is kept. A wish to end interrupts what is under way, once: what is done after that is
    /// what ends the run.
    private func drive(_ lease: RunLease, _ wakeup: Wakeup) async throws {
        for mayInterrupt in [true, false] {
            let isOver = try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await self.driver.drive(lease)
                    return true
                }
                group.addTask {
                    try await self.keep(lease, wakeup, untilWish: mayInterrupt)
                    return false
                }
                defer { group.cancelAll() }
                return try await group.next() ?? true
            }
            if isOver { return }
        }
    }

    /// Renews the lease, until the run is wished to end or for ever.
    private func keep(_ lease: RunLease, _ wakeup: Wakeup, untilWish: Bool) async throws {
        var renewed = ContinuousClock.now
        while true {
            _ = try await wakeup.wait(atMost: ledger.term / 3)
            do {
                let begin = ContinuousClock.now
                if try await ledger.renew(lease), untilWish { return }
                renewed = begin
            } catch let error as PostgresError {
                // It may be another's by then; what we would still write is refused, but effects are not.
                guard ContinuousClock.now - renewed < ledger.term * 2 / 3 else { throw RunLeaseLost() }
                logger.debug("a lease was not renewed", ["run_id": lease.run, "error": "\(error)"])
            }
        }
    }
}
