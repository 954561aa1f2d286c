/// What must never be found in the data. `invariant` is the number of the promise that it would break.
///
/// A job that is leased twice shows as a lease with the wrong fence: no two leases of a job have the same.
enum AuditCheck: String, Sendable, CaseIterable {
    case queuedNowhere = "queued_nowhere"
    case scheduledNowhere = "scheduled_nowhere"
    case blockedForever = "blocked_forever"
    case leaseWithoutJob = "lease_without_job"
    case wrongFence = "lease_with_wrong_fence"
    case processingWithoutLease = "processing_without_lease"
    case deadWorkersLease = "lease_of_dead_worker"
    case finalWithLease = "final_with_lease"
    case wronglyInLine = "in_line_but_not_queued"
    case wronglyTimed = "timed_but_not_scheduled"
    case twoFinalEvents = "two_final_events"
    case changedAfterFinal = "changed_after_final"
    case sequenceGap = "sequence_gap"
    case rowIsNotLastEvent = "row_is_not_last_event"
    case unpublished = "event_not_published"
    case overCapacity = "worker_over_capacity"

    var invariant: Int {
        switch self {
        case .queuedNowhere, .scheduledNowhere, .blockedForever: 1
        case .leaseWithoutJob, .wrongFence, .processingWithoutLease, .deadWorkersLease: 2
        case .finalWithLease, .wronglyInLine, .wronglyTimed, .twoFinalEvents, .changedAfterFinal: 3
        case .sequenceGap, .rowIsNotLastEvent: 4
        case .unpublished: 5
        case .overCapacity: 6
        }
    }

    /// What a finding would mean.
    var meaning: String {
        switch self {
        case .queuedNowhere: "a queued job is neither in line nor leased: nobody will ever run it"
        case .scheduledNowhere: "a scheduled job waits for no time: it will never be put in line"
        case .blockedForever: "all that a blocked job depends on has ended, and nobody will look at it"
        case .leaseWithoutJob: "a lease names a job that is not there"
        case .wrongFence: "a lease is not the job's current one, and was not revoked"
        case .processingWithoutLease: "a job is processing and nobody has it"
        case .deadWorkersLease: "a worker has been silent for a minute more than it may, and still has jobs"
        case .finalWithLease: "a job has ended and its lease was not revoked"
        case .wronglyInLine: "a job is in line that is not queued"
        case .wronglyTimed: "a job waits for its time that is not scheduled"
        case .twoFinalEvents: "the log has two final statuses of a job"
        case .changedAfterFinal: "the log has changes of a job after its final status"
        case .sequenceGap: "the numbers of a job's events have a gap, or one comes twice"
        case .rowIsNotLastEvent: "a job's row does not say what its last event says"
        case .unpublished: "an event is older than a minute and not published"
        case .overCapacity: "a worker has more jobs than it takes"
        }
    }
}
