import Kernel
import Postgres

/// What becomes of ticks at which nobody was there to fire them.
enum MissedRuns: String, Sendable, CaseIterable, PostgresEncodable, PostgresDecodable {
    /// Nothing.
    case skip
    /// One run for all of them.
    case runOnce = "run_once"
    /// A run for each of the last `limit`.
    case runAll = "run_all"

    /// How many runs are made up for at most.
    static let limit = 100

    /// A tick that is fired so late is late, not missed: a restart, or another replica that takes over, costs no run.
    static let grace = Duration.seconds(60)

    /// The ticks to fire of those from `first`, which is due, to `now`.
    func ticks(of recurrence: Recurrence, from first: Timestamp, at now: Timestamp) -> [Timestamp] {
        switch self {
        case .skip: recurrence.last(1, from: first, through: now).filter { now - $0 <= MissedRuns.grace }
        case .runOnce: recurrence.last(1, from: first, through: now)
        case .runAll: recurrence.last(MissedRuns.limit, from: first, through: now)
        }
    }
}
