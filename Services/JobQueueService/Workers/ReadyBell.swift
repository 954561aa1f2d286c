import Concurrency
import Kernel

/// Wakes those who wait for jobs: as many as jobs came, and only those who can run them.
final class ReadyBell: Sendable {
    /// Somebody who waits for jobs of some kinds.
    final class Waiter: Sendable {
        let kinds: Set<String>
        let wakeup = Wakeup()
        init(kinds: [String]) { self.kinds = Set(kinds) }
    }

    private let waiters = Lock<[Waiter]>([])

    /// Adds a waiter. To be done before looking for jobs, so that none that comes in between is missed.
    func enter(_ waiter: Waiter) { waiters.withLock { $0.append(waiter) } }

    /// Removes a waiter.
    func leave(_ waiter: Waiter) { waiters.withLock { $0.removeAll { $0 === waiter } } }

    /// Wakes one waiter per job, the longest waiting first.
    func ring(_ kinds: [String]) {
        var counts: [String: Int] = [:]
        for kind in kinds { counts[kind, default: 0] += 1 }
        let woken: [Waiter] = waiters.withLock { [counts] waiters in
            var counts = counts
            var woken: [Waiter] = []
            for waiter in waiters {
                guard let kind = counts.first(where: { $0.value > 0 && waiter.kinds.contains($0.key) })?.key else {
                    continue
                }
                counts[kind, default: 0] -= 1
                woken.append(waiter)
            }
            // Who was woken goes to the end: it is busy now, and others get the next ones.
            waiters.removeAll { waiter in woken.contains { $0 === waiter } }
            waiters += woken
            return woken
        }
        for waiter in woken { waiter.wakeup.signal() }
    }

    /// Wakes one waiter for every kind: jobs came from elsewhere, and it is not known which.
    func ringForAll() {
        let kinds = waiters.withLock { Set($0.flatMap(\.kinds)) }
        ring(Array(kinds))
    }
}
