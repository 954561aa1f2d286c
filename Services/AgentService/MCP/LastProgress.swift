import Concurrency

/// How far a call has said it is.
final class LastProgress: Sendable {
    private let last = Lock<Double?>(nil)

    /// Whether this is further than all before.
    func rises(to done: Double) -> Bool {
        last.withLock { last in
            if let last, done <= last { return false }
            last = done
            return true
        }
    }
}
