import Glibc

/// One operating-system thread that runs an actor's jobs, for libraries whose calls block or must stay on one thread.
///
/// An actor names it as its `unownedExecutor`; a slow call then holds this thread and never one of the shared pool.
/// The thread ends when the executor is released.
public final class ThreadExecutor: SerialExecutor, TaskExecutor, Sendable {
    private let inbox: ThreadInbox

    /// Starts the thread. `name` (at most 15 bytes are shown) appears in `ps -L` and in debuggers.
    public init(name: String) {
        inbox = ThreadInbox()
        inbox.startThread(name: name)
    }

    deinit { inbox.stop() }

    /// Runs `job` on the thread, after all that came before.
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        // The reference keeps the executor (and so the thread) alive until the job has run.
        inbox.append { unsafe unowned.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    /// Runs `work` on the thread, after all that came before.
    public func submit(_ work: @escaping @Sendable () -> Void) { inbox.append(work) }

    /// Traps unless called on the thread.
    public func checkIsolated() { precondition(isCurrent, "called off the executor's thread") }

    /// Whether the caller runs on the thread.
    public var isCurrent: Bool { inbox.isCurrentThread }

    /// This executor as actors name it; the actor must hold the executor too, since this reference is unowned.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }
}
