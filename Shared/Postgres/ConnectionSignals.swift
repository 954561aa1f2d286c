import Concurrency
import Synchronization

/// What other threads tell a connection's thread while that waits in `poll`.
///
/// A connection is leased to one task after the other. A cancellation that comes late, after its task has given
/// the connection back, must not hit the next one: it carries the number of the lease it was meant for.
final class ConnectionSignals: Sendable {
    private struct State {
        var lease: UInt64 = 0
        var isCancelRequested = false
        var hasCancelReturned = false
    }

    private let state = Lock(State())
    private let usable = Atomic(true)
    let event = EventHandle()

    /// Begins a lease and forgets what was meant for the one before.
    func beginLease() -> UInt64 {
        state.withLock { state in
            state.lease += 1
            if state.isCancelRequested { event.drain() }
            state.isCancelRequested = false
            return state.lease
        }
    }

    /// Asks the holder of `lease` to stop; does nothing when the lease is over.
    func requestCancel(ofLease lease: UInt64) {
        state.withLock { state in
            guard state.lease == lease else { return }
            state.isCancelRequested = true
            event.signal()
        }
    }

    /// Says that a cancel request has been delivered.
    func noteCancelReturned() {
        state.withLock { state in
            state.hasCancelReturned = true
            event.signal()
        }
    }

    /// Whether the task that holds the connection was cancelled.
    var isCancelRequested: Bool { state.withLock { $0.isCancelRequested } }

    /// Whether a cancel request was delivered since the last call.
    func takeCancelReturned() -> Bool {
        state.withLock { state in
            defer { state.hasCancelReturned = false }
            return state.hasCancelReturned
        }
    }

    /// Whether the connection may be lent again.
    var isUsable: Bool { usable.load(ordering: .acquiring) }

    /// Says that the connection must not be lent again.
    func noteUnusable() { usable.store(false, ordering: .releasing) }
}
