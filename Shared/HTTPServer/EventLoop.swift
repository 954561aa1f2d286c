internal import CBeast
internal import Concurrency
internal import Synchronization

/// One thread that waits for sockets and runs Swift jobs: the executor of the connections that it reads and of the
/// tasks that they start.
///
/// The loop works in batches. A batch begins with an event (input, a job from another thread, a tick), runs everything
/// in Swift that it caused, and ends when what was queued to sockets has been written.
@safe
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Sendable: `inbox` is a lock, the rest of the mutable state is touched on the loop's thread only (`isCurrent`).
    private enum Item {
        case job(UnownedJob)
        case work(@Sendable () -> Void)
    }

    private struct Inbox {
        var items: [Item] = []
        /// The thread has ended.
        var hasEnded = false
    }

    /// Runs the jobs of loops that have ended. A task that is woken too late must end all the same, or it and all that
    /// it holds are never freed.
    private static let afterwards = ThreadExecutor(name: "http afterwards")

    private struct Timer {
        let token: ScheduledWork
        var due: ContinuousClock.Instant
        let interval: Duration?
        let work: @Sendable () -> Void
    }

    private let inbox = Lock(Inbox())
    /// Whether the inbox holds something that no batch has taken yet; a batch without does not take the lock.
    private let inboxIsFilled = Atomic(false)
    private let handle: LoopHandle
    let site: Site

    private var ready: [Item] = []
    private var spare: [Item] = []
    private var batchEnds: [@Sendable () -> Void] = []
    private var timers: [Timer] = []
    private var date = DateField()

    /// Whether `drain` was called: no connection is kept alive any more.
    private(set) var isDraining = false

    init(site: Site) {
        self.site = site
        handle = LoopHandle(LoopCallbacks.table, site.settings.limits)
    }

    /// Whether the caller runs on the loop's thread.
    public var isCurrent: Bool { handle.isCurrent }

    /// Runs `work` on the loop: in this batch when called on the loop, else in one that begins soon.
    public func submit(_ work: @escaping @Sendable () -> Void) { append(.work(work)) }

    /// Runs `work` once, at the first tick after `delay`.
    @discardableResult
    public func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        schedule(Timer(token: ScheduledWork(), due: .now + delay, interval: nil, work: work))
    }

    /// Runs `work` again and again, at the first tick after each `interval`.
    @discardableResult
    public func schedule(every interval: Duration, _ work: @escaping @Sendable () -> Void) -> ScheduledWork {
        schedule(Timer(token: ScheduledWork(), due: .now + interval, interval: interval, work: work))
    }

    private func schedule(_ timer: Timer) -> ScheduledWork {
        submit { [self] in timers.append(timer) }
        return timer.token
    }

    /// Runs `work` once, when all jobs of this batch have run and before what they queued is written. On the loop only.
    public func atBatchEnd(_ work: @escaping @Sendable () -> Void) {
        precondition(isCurrent, "only a running batch has an end")
        batchEnds.append(work)
    }

    // Executor

    /// Runs `job` on the loop.
    public func enqueue(_ job: consuming ExecutorJob) { append(.job(UnownedJob(job))) }

    /// Traps unless called on the loop.
    public func checkIsolated() { precondition(isCurrent, "called off the event loop") }

    /// Whether the caller runs on the loop's thread.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// This loop as actors name it; they hold the loop too, since this reference is unowned.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    private func append(_ item: Item) {
        if isCurrent {
            ready.append(item)
            return
        }
        let isLate = inbox.withLock { inbox in
            if !inbox.hasEnded { inbox.items.append(item) }
            return inbox.hasEnded
        }
        if isLate { return runAfterwards(item) }
        if !inboxIsFilled.exchange(true, ordering: .acquiringAndReleasing) { handle.wake() }
    }

    // The loop's thread

    /// Runs what is ready until nothing is.
    func runBatch() {
        // The flag goes first: what is appended after it was cleared wakes the loop again.
        if inboxIsFilled.load(ordering: .relaxed), inboxIsFilled.exchange(false, ordering: .acquiringAndReleasing) {
            inbox.withLock { inbox in
                ready.append(contentsOf: inbox.items)
                inbox.items.removeAll(keepingCapacity: true)
            }
        }
        while true {
            while !ready.isEmpty {
                swap(&ready, &spare)
                for item in spare {
                    switch item {
                    case .work(let work): work()
                    case .job(let job): run(job)
                    }
                }
                spare.removeAll(keepingCapacity: true)
            }
            if batchEnds.isEmpty { return }
            let ends = batchEnds
            batchEnds = []
            for end in ends { end() }
        }
    }

    private func run(_ job: UnownedJob) {
        // Both references are to `self`, which the caller keeps alive.
        unsafe job.runSynchronously(
            isolatedTo: asUnownedSerialExecutor(),
            taskExecutor: asUnownedTaskExecutor()
        )
    }

    /// Runs a job when the loop's thread has ended. Other work has nothing left to work on.
    private func runAfterwards(_ item: Item) {
        guard case .job(let job) = item else { return }
        EventLoop.afterwards.submit { self.run(job) }
    }

    func tick() {
        let now = ContinuousClock.now
        var due: [@Sendable () -> Void] = []
        timers = timers.compactMap { timer in
            if timer.token.isCancelled { return nil }
            guard timer.due <= now else { return timer }
            due.append(timer.work)
            guard let interval = timer.interval else { return nil }
            var timer = timer
            timer.due = now + interval
            return timer
        }
        for work in due { work() }
    }

    /// The Date field of responses.
    func dateField() -> [UInt8] { date.now() }

    func takeListener(_ file: Int32) throws(ServerError) {
        let error = handle.addListener(file)
        guard error == 0 else { throw .system("listen", error) }
    }

    func start(name: String) throws(ServerError) {
        // The thread holds this reference until its last call, `stopped`.
        let reference = unsafe Unmanaged.passRetained(self)
        let error = unsafe handle.start(name: name, context: reference.toOpaque())
        guard error != 0 else { return }
        unsafe reference.release()
        throw .system("start a thread", error)
    }

    /// Accepts no more, ends idle connections, tells the others.
    func drain() {
        isDraining = true
        handle.drain()
    }

    func abortAll() { handle.abortAll() }

    /// Ends the thread after this batch.
    func stop() { handle.stop() }

    func didStop() {
        let rest = inbox.withLock { inbox in
            defer { inbox.items = [] }
            inbox.hasEnded = true
            return inbox.items
        }
        // A timer's work may hold what holds the loop.
        timers = []
        for item in rest { runAfterwards(item) }
        site.census.loopStopped()
    }
}
