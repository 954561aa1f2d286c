import Concurrency
import Kernel

/// Wakes those who wait for jobs: as many as jobs came, and only those who can run them.
///
/// Nobody who waits looks for jobs by himself: a thousand idle workers cost nothing. Who puts jobs in line rings, and
/// the `Lookout` finds what came from elsewhere.
final class ReadyBell: Sendable {
    /// Somebody who waits for jobs.
    final class Waiter: Sendable {
        let filter: WorkerFilter
        let wakeup = Wakeup()
        init(_ filter: WorkerFilter) { self.filter = filter }
    }

    private let lines = Lock<[WorkerFilter: WaitingLine]>([:])

    /// Adds a waiter. To be done before looking for jobs, so that none that comes in between is missed.
    func enter(_ waiter: Waiter) {
        lines.withLock { $0[waiter.filter, default: WaitingLine()].append(waiter) }
    }

    /// Removes a waiter.
    func leave(_ waiter: Waiter) {
        lines.withLock { lines in
            lines[waiter.filter]?.remove(waiter)
            if lines[waiter.filter]?.isEmpty == true { lines[waiter.filter] = nil }
        }
    }

    /// Wakes one waiter per job, the longest waiting first. Queues and projects are not known here: of those who differ
    /// in these, one of each is woken.
    func ring(_ kinds: [String]) {
        guard !kinds.isEmpty else { return }
        var counts: [String: Int] = [:]
        for kind in kinds { counts[kind, default: 0] += 1 }
        let woken = lines.withLock { [counts] lines in
            lines.keys.flatMap { filter in
                let jobs = counts.reduce(0) { filter.kinds.contains($1.key) ? $0 + $1.value : $0 }
                return lines[filter]?.next(jobs) ?? []
            }
        }
        for waiter in woken { waiter.wakeup.signal() }
    }

    /// Wakes so many of those who wait with a filter.
    func wake(_ filter: WorkerFilter, _ count: Int) {
        let woken = lines.withLock { $0[filter]?.next(count) ?? [] }
        for waiter in woken { waiter.wakeup.signal() }
    }

    /// How many wait with which filter.
    var waiting: [(filter: WorkerFilter, count: Int)] {
        lines.withLock { $0.map { ($0.key, $0.value.count) } }
    }
}

/// Those who wait for the same jobs, in the order in which they are woken.
private struct WaitingLine {
    private var order: [ReadyBell.Waiter] = []
    /// Who has left is found in the order until their turn comes.
    private var present: Set<ObjectIdentifier> = []

    var isEmpty: Bool { present.isEmpty }
    var count: Int { present.count }

    mutating func append(_ waiter: ReadyBell.Waiter) {
        if order.count > 2 * present.count + 16 {
            order.removeAll { !present.contains(ObjectIdentifier($0)) }
        }
        order.append(waiter)
        present.insert(ObjectIdentifier(waiter))
    }

    mutating func remove(_ waiter: ReadyBell.Waiter) { present.remove(ObjectIdentifier(waiter)) }

    /// The next so many. They go to the end: they are busy now, and others get the next jobs.
    mutating func next(_ count: Int) -> [ReadyBell.Waiter] {
        var next: [ReadyBell.Waiter] = []
        var seen = 0
        while next.count < count, seen < order.count {
            if present.contains(ObjectIdentifier(order[seen])) { next.append(order[seen]) }
            seen += 1
        }
        order.removeFirst(seen)
        order += next
        return next
    }
}
