#if PTHREAD_LOCK
    import Glibc

    /// Mutual exclusion around a value; this build uses pthread, which ThreadSanitizer understands.
    @safe
    public final class Lock<Value>: @unchecked Sendable {
        // Sendable: `value` is touched only between lock and unlock of `mutex`.
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private var value: Value

        /// Guards `value`.
        public init(_ value: consuming sending Value) {
            self.value = value
            unsafe mutex = .allocate(capacity: 1)
            unsafe mutex.initialize(to: pthread_mutex_t())
            unsafe pthread_mutex_init(mutex, nil)
        }

        deinit {
            unsafe pthread_mutex_destroy(mutex)
            unsafe mutex.deallocate()
        }

        /// Runs `body` alone with the value. It must not wait for anything.
        public func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            unsafe pthread_mutex_lock(mutex)
            defer { unsafe pthread_mutex_unlock(mutex) }
            return try body(&value)
        }
    }
#else
    import Synchronization

    /// Mutual exclusion around a value.
    public struct Lock<Value: ~Copyable>: ~Copyable, Sendable {
        private let mutex: Mutex<Value>

        /// Guards `value`.
        public init(_ value: consuming sending Value) { mutex = Mutex(value) }

        /// Runs `body` alone with the value. It must not wait for anything.
        public borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try mutex.withLock(body)
        }
    }
#endif
