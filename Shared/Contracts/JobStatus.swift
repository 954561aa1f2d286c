/// Where a job stands. The last four are final and never change.
///
/// ```
///   blocked ──▶ queued ◀──────────────┐
///                 ▲ │ start           │ retry at once, interruption
///   run_at passed │ ▼                 │
///   scheduled ────┘ processing ───────┤
///       ▲             │  │            │
///       └─────────────┘  └──▶ completed · failed
///         retry later
///
///   any of the first four ──▶ cancelled · expired
/// ```
public enum JobStatus: String, Sendable, CaseIterable {
    /// Waits for other jobs.
    case blocked
    /// Waits for its time.
    case scheduled
    /// Waits for somebody to run it.
    case queued
    /// Is being run.
    case processing
    /// Has succeeded.
    case completed
    /// Has failed for good.
    case failed
    /// Was cancelled.
    case cancelled
    /// Was not done in time.
    case expired

    /// Whether the job will never change again.
    public var isFinal: Bool {
        switch self {
        case .blocked, .scheduled, .queued, .processing: false
        case .completed, .failed, .cancelled, .expired: true
        }
    }

    /// The statuses a job may have next.
    public var successors: Set<JobStatus> {
        switch self {
        case .blocked: [.queued, .scheduled, .failed, .cancelled, .expired]
        case .scheduled: [.queued, .cancelled, .expired]
        case .queued: [.processing, .scheduled, .cancelled, .expired]
        case .processing: [.queued, .scheduled, .completed, .failed, .cancelled, .expired]
        case .completed, .failed, .cancelled, .expired: []
        }
    }
}
