import CRabbitMQ
import Glibc
import Kernel

/// Wakes a thread that waits in `poll`, from any thread. Rings that come before it looks are one ring.
final class DoorbellHandle: Sendable {
    /// For `poll` only; open as long as this object lives.
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(descriptor >= 0, "no eventfd could be opened: error \(errno)")
    }

    deinit { close(descriptor) }

    func ring() {
        // Fails only when the counter is at its limit, and then the bell rings already.
        eventfd_write(descriptor, 1)
    }

    func silence() {
        var rings: eventfd_t = 0
        // The pointer is to a local and used during the call only; "would block" means it did not ring.
        unsafe eventfd_read(descriptor, &rings)
    }

    /// Waits until the bell rings, the socket is readable (or writable, if asked), or the time is over.
    /// A negative `socket` is not watched.
    func wait(watching socket: Int32, writable: Bool, atMost limit: Duration) {
        var watched = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket, events: Int16(writable ? POLLIN | POLLOUT : POLLIN), revents: 0),
        ]
        // Rounded up, so that a wait for a deadline does not end just before it and turn in circles.
        let milliseconds = Int32(clamping: max(0, (limit.microseconds + 999) / 1000))
        // An interrupted wait is a short one: the caller looks again. The array lives through the call.
        _ = unsafe poll(&watched, 2, milliseconds)
        silence()
    }
}
