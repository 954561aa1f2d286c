import Concurrency
import Contracts

/// Tells the executor of this process that there is something to do. What nobody is told of is found a second later.
final class RunBell: Sendable {
    /// Signalled when a run may be due.
    let due = Wakeup()
    private let driven = Lock<[RunID: Wakeup]>([:])

    /// How many runs are driven here.
    var count: Int { driven.withLock { $0.count } }

    /// A run is driven here from now on; its driver waits for the result.
    func enter(_ run: RunID) -> Wakeup {
        let wakeup = Wakeup()
        driven.withLock { $0[run] = wakeup }
        return wakeup
    }

    /// A run is no longer driven here.
    func leave(_ run: RunID) {
        driven.withLock { $0[run] = nil }
        due.signal()
    }

    /// Somebody wishes a run to end, or has decided something: whoever drives it looks at once.
    func ring(for run: RunID) {
        driven.withLock { $0[run] }?.signal()
        due.signal()
    }
}
