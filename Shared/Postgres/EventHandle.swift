internal import CLibPQ
import Glibc

/// An `eventfd`: lets any thread end another thread's `poll`.
struct EventHandle: ~Copyable, Sendable {
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(descriptor >= 0, "no file descriptor left for a connection's event")
    }

    deinit { close(descriptor) }

    /// Makes the descriptor readable.
    borrowing func signal() { eventfd_write(descriptor, 1) }

    /// Makes the descriptor unreadable again.
    borrowing func drain() {
        var count: UInt64 = 0
        // The pointer is to a local and used during the call only; an empty event returns an error at once.
        unsafe eventfd_read(descriptor, &count)
    }
}
