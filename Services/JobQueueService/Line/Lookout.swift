import Concurrency
import Lifecycle
import Postgres
import Telemetry

/// Wakes those who wait for jobs that this process did not put in line itself: another replica did, or somebody's bell
/// was lost. It asks once for all workers that do the same work.
struct Lookout: Sendable {
    let pool: Pool
    let bell: ReadyBell
    let floors: FloorKeeper
    let logger: Logger
    /// Signalled when other replicas may have put jobs in line.
    let wakeup: Wakeup

    var duty: any Service {
        Duty(name: "lookout", period: .seconds(5), logger: logger, wakeup: wakeup) {
            for (filter, count) in bell.waiting {
                let lines = floors.lines(of: filter.kinds.sorted())
                let ready: Int =
                    try await pool.query(WorkerStatements.countReady(filter, from: lines, limit: count))
                    .first?
                    .decode(0) ?? 0
                bell.wake(filter, ready)
            }
            return false
        }
    }
}
