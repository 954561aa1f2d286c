import Concurrency

/// Delivers cancel requests from a thread of its own, because `PQcancel` blocks until the server has taken it.
actor Canceller {
    private let executor = ThreadExecutor(name: "pg-cancel")
    // The actor holds the executor, so the reference cannot dangle.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// Delivers a request and tells the connection's thread that it was delivered, or could not be.
    func cancel(_ handle: CancelHandle, then signals: ConnectionSignals) {
        _ = handle.cancel()
        signals.noteCancelReturned()
    }
}
