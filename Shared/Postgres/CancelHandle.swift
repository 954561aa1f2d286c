internal import CLibPQ

/// What is needed to tell the server to stop a connection's statement: taken when the connection is made, and
/// usable from any thread at any time.
@safe
final class CancelHandle: @unchecked Sendable {
    // Sendable: the pointed-to data never changes, and "PQcancel can safely be invoked from … any thread"
    // (PostgreSQL manual, Canceling Queries in Progress).
    private let raw: OpaquePointer

    init?(of connection: OpaquePointer) {
        // The caller has the open connection; PQgetCancel copies what it needs out of it.
        guard let raw = unsafe PQgetCancel(connection) else { return nil }
        unsafe self.raw = raw
    }

    deinit { unsafe PQfreeCancel(raw) }

    /// Opens a connection of its own, asks, and waits until the server has passed the request on. It may block.
    /// Returns whether the request was delivered.
    func cancel() -> Bool {
        var reason = [CChar](repeating: 0, count: 256)
        // The buffer outlives the call and its size is given.
        return unsafe PQcancel(raw, &reason, Int32(reason.count)) == 1
    }
}
