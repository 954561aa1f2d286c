import Synchronization

/// Work that a loop will do; it can be taken back on any thread.
public final class ScheduledWork: Sendable {
    private let cancelled = Atomic(false)

    init() {}

    /// Takes the work back. A run under way ends as usual.
    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Whether it was taken back.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
}
