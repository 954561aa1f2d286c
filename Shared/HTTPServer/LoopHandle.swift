internal import CBeast

/// One `cb_loop`: made here, destroyed here, after its thread has ended.
@safe
struct LoopHandle: ~Copyable, @unchecked Sendable {
    // Sendable: `wake` and `isCurrent` may be called on any thread; `EventLoop` calls the others before the thread
    // starts or on it.
    private let raw: OpaquePointer

    init(_ callbacks: cb_callbacks, _ limits: cb_limits) {
        // The result is never null.
        unsafe raw = cb_loop_create(callbacks, limits)
    }

    deinit { unsafe cb_loop_destroy(raw) }

    var isCurrent: Bool { unsafe cb_loop_is_current(raw) }
    borrowing func wake() { unsafe cb_loop_wake(raw) }

    /// Returns 0 or an errno value.
    borrowing func addListener(_ file: Int32) -> Int32 { unsafe cb_loop_add_listener(raw, file) }

    /// Returns 0 or an errno value.
    borrowing func start(name: String, context: UnsafeMutableRawPointer) -> Int32 {
        unsafe name.withCString { unsafe cb_loop_start(raw, $0, context) }
    }

    borrowing func drain() { unsafe cb_loop_drain(raw) }
    borrowing func abortAll() { unsafe cb_loop_abort_all(raw) }
    borrowing func stop() { unsafe cb_loop_stop(raw) }
}
