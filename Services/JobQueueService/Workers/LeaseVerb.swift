import Contracts
import JSON
import Kernel
import Postgres

/// What the holder of a lease may do with it.
///
/// ```
///   claimed ──start──▶ running ──complete──▶ ended
///      │                 │  ▲ progress, log
///      │                 └──┘
///      │                 ├────fail─────▶ ended: a later try, or failed for good
///      │                 ├────snooze───▶ ended: later, no attempt used
///      │                 ├────suspend──▶ ended: when it is resumed, no attempt used
///      └────release──────┴────release──▶ ended: in line again, no attempt used
/// ```
///
/// Each names the lease by its fence. One that ends the lease may be repeated: the second is answered like the first.
enum LeaseVerb: String, Sendable, CaseIterable {
    case start, complete, fail, snooze, suspend, release
}

/// What became of a verb for one job.
enum VerbOutcome: String, Sendable {
    /// It had its effect, now or when it was sent before.
    case ok
    /// The fence is not the current one: the job is somebody else's now, or ended.
    case leaseLost = "LEASE_LOST"
    /// The lease is the caller's, but its state does not allow the verb: a job must be started before it ends.
    case notStarted = "INVALID_TRANSITION"
}

/// The lease that a verb names.
struct LeaseKey: Sendable, Hashable {
    let jobID: JobID
    let fence: Int64

    init(jobID: JobID, fence: Int64) {
        self.jobID = jobID
        self.fence = fence
    }

    /// Reads the first two columns.
    init(_ row: Row) throws { self.init(jobID: try row.decode(0), fence: try row.decode(1)) }
}

/// A successful end.
struct Completion: Sendable {
    let key: LeaseKey
    var resultURL: String?
    var result: RawJSON?
    /// Jobs that are stored with the completion: both or neither.
    var followUps: [JobSubmission] = []
}

/// A failed try.
struct Failure: Sendable {
    let key: LeaseKey
    let code: String
    let message: String
    /// Whether another try may help.
    var isRetryable = true
    /// The least wait before it; without one, the backoff decides.
    var retryAfter: Duration?
}

/// A wish to be run again later.
struct Snooze: Sendable {
    let key: LeaseKey
    let delay: Duration
    /// Shown to people who ask why it waits.
    var reason: String?
    /// Handed to the next attempt.
    var checkpoint: RawJSON?
}

/// A wish to be run again when something outside has happened.
struct Suspension: Sendable {
    let key: LeaseKey
    /// It is run again after so long in any case.
    let limit: Duration
    var reason: String?
    /// Handed to the next attempt.
    var checkpoint: RawJSON?
}

/// A lease given back unfinished.
struct Release: Sendable {
    let key: LeaseKey
    /// Handed to the next attempt.
    var checkpoint: RawJSON?
}

/// How far a running job is.
struct Progress: Sendable {
    let key: LeaseKey
    var fraction: Double?
    var message: String?
    var checkpoint: RawJSON?
    var providerState: RawJSON?
    var phase: JobPhase?
}

/// Lines that a running job wrote.
struct LogLines: Sendable {
    let key: LeaseKey
    let lines: [String]
}
