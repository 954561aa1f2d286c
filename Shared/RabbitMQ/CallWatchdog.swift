import Concurrency
import Glibc

/// Cuts a connection whose call into the library does not return.
///
/// The library writes with an infinite deadline, so a broker that stops reading holds the thread inside a publish.
/// Nobody can interrupt that call, but shutting its socket down from another thread makes it fail at once.
final class CallWatchdog: Sendable {
    private struct State {
        /// Our own duplicate, so that the number cannot belong to something else by the time we use it.
        var socket: Int32 = -1
        var deadline: ContinuousClock.Instant?
        var hasCut = false
    }

    private let state = Lock(State())

    deinit { release() }

    /// Whether the present connection was cut.
    var hasCut: Bool { state.withLock { $0.hasCut } }

    /// Guards a new connection.
    func adopt(_ socket: Int32) {
        // F_DUPFD_CLOEXEC: the duplicate must not leak into child processes.
        let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        let previous = state.withLock { state in
            defer { state = State(socket: duplicate) }
            return state.socket
        }
        if previous >= 0 { close(previous) }
    }

    /// Forgets the connection.
    func release() {
        let socket = state.withLock { state in
            defer { state.socket = -1 }
            return state.socket
        }
        if socket >= 0 { close(socket) }
    }

    /// Runs `call`, which is to return within `limit`.
    func guarding<Result>(_ limit: Duration, _ call: () -> Result) -> Result {
        let deadline = ContinuousClock.now + limit
        state.withLock { $0.deadline = deadline }
        defer { state.withLock { $0.deadline = nil } }
        return call()
    }

    /// Looks four times a second, until its task is cancelled.
    func watch() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(250)) } catch { return }
            cutIfOverdue(at: .now)
        }
    }

    func cutIfOverdue(at now: ContinuousClock.Instant) {
        state.withLock { state in
            guard let deadline = state.deadline, now >= deadline, !state.hasCut, state.socket >= 0 else { return }
            state.hasCut = true
            // Does not wait; under the lock, so that the duplicate cannot be closed meanwhile.
            shutdown(state.socket, Int32(SHUT_RDWR))
        }
    }
}
