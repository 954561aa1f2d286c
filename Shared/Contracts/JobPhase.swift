/// A finer view of a job's status.
public enum JobPhase: String, Sendable, CaseIterable {
    /// Nobody has it: it is in line, or waits for its time.
    case waiting
    /// It failed and waits for its next try.
    case retryWait = "retry_wait"
    /// It asked to be run later.
    case snoozed
    /// It waits to be resumed, or for its time-out, and holds no worker.
    case suspended
    /// It was interrupted through no fault of its own and is in line again.
    case interrupted
    /// A provider or worker runs it.
    case running
    /// It was handed to an outside service that has not finished it.
    case awaitingProvider = "awaiting_provider"
    /// It was asked to stop while running.
    case cancelling
    /// Its workers died under it too often.
    case quarantined
    /// Nothing more will happen.
    case finished
}
