/// How a program ended.
public struct Ending: Sendable, Hashable {
    /// The exit status.
    public enum Status: Sendable, Hashable {
        /// It ended by itself, with 0 … 255.
        case exited(Int32)
        /// A signal ended it.
        case signalled(Int32)
    }

    /// Why it was stopped.
    public enum Reason: Sendable, Hashable {
        /// Its time was over.
        case timedOut
        /// Nobody wants it any more.
        case cancelled
        /// It wrote too much.
        case outputLimit
    }

    /// What the system says.
    public let status: Status
    /// Why we stopped it; `nil` when it ended by itself.
    public let stopped: Reason?
    /// Processor time that it and its reaped children used.
    public let processorTime: Duration
    /// The most memory it held, in bytes.
    public let peakMemoryBytes: Int

    /// Whether it did what it should: status 0, and not stopped.
    public var isSuccess: Bool { status == .exited(0) && stopped == nil }
}
