import Glibc

/// The work waiting for one thread: a list, a mutex and a condition, alive as long as the thread or its owner.
@safe
final class ThreadInbox: @unchecked Sendable {
    // Sendable: `work`, `stopped` and `thread` are touched only under `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var work: [@Sendable () -> Void] = []
    private var stopped = false
    private var thread: pthread_t?

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func append(_ item: @escaping @Sendable () -> Void) {
        unsafe pthread_mutex_lock(mutex)
        work.append(item)
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Lets the thread end after the work it has; it may be called on the thread itself.
    func stop() {
        unsafe pthread_mutex_lock(mutex)
        stopped = true
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    var isCurrentThread: Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return thread == pthread_self()
    }

    func startThread(name: String) {
        append { ThreadInbox.nameThread(name) }
        // The thread owns one reference to the inbox, given back in `run`.
        let reference = unsafe Unmanaged.passRetained(self).toOpaque()
        var created = pthread_t()
        let status = unsafe pthread_create(&created, nil, { unsafe ThreadInbox.threadMain($0) }, reference)
        precondition(status == 0, "no thread could be started: error \(status)")
        pthread_detach(created)
    }

    private static func threadMain(_ reference: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        // `startThread` passed exactly this object, retained.
        if let reference = unsafe reference {
            unsafe Unmanaged<ThreadInbox>.fromOpaque(reference).takeRetainedValue().run()
        }
        return nil
    }

    private static func nameThread(_ name: String) {
        // The kernel cuts the name at 15 bytes; without /proc the thread goes nameless.
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY)
        guard file >= 0 else { return }
        _ = unsafe Array(name.utf8).withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        close(file)
    }

    private func run() {
        unsafe pthread_mutex_lock(mutex)
        thread = pthread_self()
        while true {
            while work.isEmpty && !stopped { unsafe pthread_cond_wait(condition, mutex) }
            if work.isEmpty { break }
            var batch: [@Sendable () -> Void] = []
            swap(&batch, &work)
            unsafe pthread_mutex_unlock(mutex)
            for item in batch { item() }
            batch = []
            unsafe pthread_mutex_lock(mutex)
        }
        unsafe pthread_mutex_unlock(mutex)
    }
}
