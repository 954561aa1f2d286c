import Concurrency
import Contracts
import Messaging

/// The latest updates of one context: everything after `start`, which moves when old updates are let go.
struct ContextRing {
    /// Everything after this place is here.
    private(set) var start: LogPlace
    private(set) var updates: [(update: Update, at: ContinuousClock.Instant)] = []
    /// What the updates cost to keep.
    private(set) var bytes = 0
    /// Who watches; a ring without watchers is kept for a while, for those who come back.
    var watchers = 0
    var unwatchedSince: ContinuousClock.Instant?
    /// On which loops sockets watch.
    var loops = LoopSet()
    /// Who waits for the next update.
    var waiting: [UInt64: Promise<Void>] = [:]

    init(start: LogPlace) { self.start = start }

    mutating func append(_ update: Update, at now: ContinuousClock.Instant, atMost limit: Int) {
        updates.append((update, now))
        bytes += update.byteCount
        if updates.count > limit { drop(updates.count - limit) }
    }

    /// Lets go of what is older than `moment`.
    mutating func drop(before moment: ContinuousClock.Instant) {
        drop(updates.firstIndex { $0.at >= moment } ?? updates.count)
    }

    /// Lets go of the older half.
    mutating func halve() { drop((updates.count + 1) / 2) }

    /// Everything after a place; `nil` when something after it was let go.
    func updates(after place: LogPlace) -> [Update]? {
        guard start <= place else { return nil }
        // Nearly always few are asked for, and they are the last.
        var first = updates.count
        while first > 0, place < LogPlace(updates[first - 1].update.position) { first -= 1 }
        return updates[first...].map(\.update)
    }

    /// Wakes who waits.
    mutating func wake() {
        let promises = waiting.values
        waiting = [:]
        for promise in promises { promise.succeed(()) }
    }

    private mutating func drop(_ count: Int) {
        guard count > 0 else { return }
        for (update, _) in updates[..<count] { bytes -= update.byteCount }
        start = LogPlace(updates[count - 1].update.position)
        updates.removeFirst(count)
    }
}

/// Which loops, by the indices of their tables; there are at most 64.
struct LoopSet: Sendable {
    private var bits: UInt64 = 0

    func contains(_ index: Int) -> Bool { bits & (1 << index) != 0 }
    mutating func insert(_ index: Int) { bits |= 1 << index }
    mutating func remove(_ index: Int) { bits &= ~(1 << index) }
}
