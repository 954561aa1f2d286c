import Concurrency
import Contracts
import HTTPServer
import Kernel
import Messaging
import Telemetry

/// Where events meet those who watch for them.
///
/// ```
///   feed ──▶ ring of each watched context ──▶ every loop: table context → sockets ──▶ one shared frame to each
///                       │
///                       └──▶ who catches up, streams or polls
/// ```
///
/// Appending to the rings and moving `head` is one step, so a ring made at a head misses nothing after it. The next
/// events are taken when the loops have handed out all but the last ones: what is under way is bounded by that.
final class Hub: Sendable {
    /// Bounds of what is kept for those who come back.
    struct Limits: Sendable {
        var updatesPerContext = 256
        var age: Duration = .seconds(300)
        var bytes = 64 << 20
        var contexts = 50_000
    }

    private struct State {
        /// The feed has brought everything up to here; `nil` before it began.
        var head: Position?
        var rings: [ContextID: ContextRing] = [:]
        var bytes = 0
        var waiters: UInt64 = 0
        var sweptAt = ContinuousClock.now
        var tables: [ObjectIdentifier: LoopTable] = [:]
        /// The same, by their indices.
        var places: [LoopTable?] = []
        /// Contexts whose number of watchers has changed since they were asked for.
        var changed: Set<ContextID> = []
    }

    /// A hand-over is bounded by these: what is under way at a time makes nobody look slow.
    private static let handedAtOnce = 64
    private static let bytesAtOnce = 16 * 1024
    /// So many hand-overs may be under way.
    private static let handedAhead = 2

    private let limits: Limits
    /// A socket on which more waits than this has fallen behind.
    private let softLimit: Int
    private let metrics: NotificationMetrics
    private let clock: WallClock
    /// Called with events that all watchers were given.
    private let handedOut: @Sendable (ArraySlice<FeedEvent>) -> Void
    private let state = Lock(State())
    private let underWay = Lock<[HandOver]>([])

    init(
        limits: Limits = Limits(),
        softLimit: Int = SessionLimits().softBytes,
        metrics: NotificationMetrics,
        clock: WallClock = .system,
        handedOut: @escaping @Sendable (ArraySlice<FeedEvent>) -> Void = { _ in }
    ) {
        self.handedOut = handedOut
        self.limits = limits
        self.softLimit = softLimit
        self.metrics = metrics
        self.clock = clock
    }

    /// The feed has brought everything up to here; `nil` before it began.
    var head: Position? { state.withLock { $0.head } }

    /// The bytes that all rings hold.
    var ringBytes: Int { state.withLock { $0.bytes } }

    /// How many contexts are watched, or kept for those who come back.
    var contextCount: Int { state.withLock { $0.rings.count } }

    /// The sockets of a loop.
    func table(of loop: EventLoop) -> LoopTable {
        state.withLock { state in
            if let table = state.tables[ObjectIdentifier(loop)] { return table }
            let index = state.places.firstIndex { $0 == nil } ?? state.places.count
            let table = LoopTable(loop, index, self, softLimit: softLimit)
            if index == state.places.count { state.places.append(table) } else { state.places[index] = table }
            state.tables[ObjectIdentifier(loop)] = table
            return table
        }
    }

    /// Lets go of a loop that has no socket any more. The loop's server holds the hub by its routes: held for good,
    /// they would keep one another.
    func forget(_ loop: EventLoop) {
        state.withLock { state in
            guard let table = state.tables.removeValue(forKey: ObjectIdentifier(loop)) else { return }
            state.places[table.index] = nil
        }
    }

    /// The sockets of every loop.
    var tables: [LoopTable] { state.withLock { Array($0.tables.values) } }

    // MARK: In

    /// Takes what the feed brings; returns when the loops have handed it out.
    func take(_ step: EventFeed.Step) async throws {
        switch step {
        case .began(let position):
            let isFirst = state.withLock { state in
                let isFirst = state.head == nil
                state.head = position
                state.bytes = 0
                let start = LogPlace(position)
                for (context, old) in state.rings {
                    var ring = ContextRing(start: start)
                    ring.watchers = old.watchers
                    ring.loops = old.loops
                    ring.unwatchedSince = old.unwatchedSince
                    var woken = old
                    woken.wake()
                    state.rings[context] = ring
                }
                return isFirst
            }
            if !isFirst { for table in tables { try await table.restart() } }
        case .events(let events):
            metrics.events.add(events.count)
            var rest = events[...]
            while !rest.isEmpty {
                var bytes = 0
                var part = rest.prefix(Hub.handedAtOnce)
                part = part.prefix { event in
                    defer { bytes += event.wire.count }
                    return bytes < Hub.bytesAtOnce
                }
                rest = rest.dropFirst(part.count)
                try await handOut(record(part), of: part)
            }
        }
    }

    /// Puts events into the rings of those who watch. Returns what each loop is to hand out.
    private func record(_ events: ArraySlice<FeedEvent>) -> [(table: LoopTable, updates: [Update])] {
        let now = ContinuousClock.now
        return state.withLock { state in
            var updates: [[Update]] = Array(repeating: [], count: state.places.count)
            for event in events {
                for context in event.contexts {
                    guard let index = state.rings.index(forKey: context) else { continue }
                    let update = Update(event, for: context)
                    let loops = state.rings.values[index].loops
                    for loop in updates.indices where loops.contains(loop) { updates[loop].append(update) }
                    let before = state.rings.values[index].bytes
                    state.rings.values[index].append(update, at: now, atMost: limits.updatesPerContext)
                    state.rings.values[index].wake()
                    state.bytes += state.rings.values[index].bytes - before
                }
                state.head = event.position
            }
            if state.bytes > limits.bytes || now - state.sweptAt > .seconds(10) { sweep(&state, now) }
            return zip(state.places, updates)
                .compactMap { table, updates in
                    if let table, !updates.isEmpty { (table, updates) } else { nil }
                }
        }
    }

    private func handOut(_ work: [(table: LoopTable, updates: [Update])], of events: ArraySlice<FeedEvent>) async throws
    {
        guard !work.isEmpty else { return handedOut(events) }
        let sent = HandOver(work.count) { [metrics, clock, handedOut] count in
            metrics.frames.add(count)
            handedOut(events)
            if let begin = events.first?.at { metrics.latency.record(clock.now() - begin) }
        }
        for (table, updates) in work { table.handOut(updates) { sent.add($0) } }
        // A loop that is behind is waited for; the usual hand-over costs nobody a wait.
        let oldest: HandOver? = underWay.withLock { underWay in
            underWay.append(sent)
            while underWay.first?.isDone == true { underWay.removeFirst() }
            return underWay.count > Hub.handedAhead ? underWay.removeFirst() : nil
        }
        if let oldest { try await withDeadline(.seconds(10), for: "the loops") { try await oldest.done() } }
    }

    /// Lets go of what is old, of rings nobody came back to, and of more when memory is short.
    private func sweep(_ state: inout State, _ now: ContinuousClock.Instant) {
        state.sweptAt = now
        for (context, ring) in state.rings {
            if let since = ring.unwatchedSince, now - since > limits.age {
                state.rings[context] = nil
            } else {
                state.rings[context]?.drop(before: now - limits.age)
            }
        }
        state.bytes = state.rings.values.reduce(0) { $0 + $1.bytes }
        while state.bytes > limits.bytes {
            for context in state.rings.keys { state.rings[context]?.halve() }
            state.bytes = state.rings.values.reduce(0) { $0 + $1.bytes }
        }
    }

    // MARK: Out

    /// Begins to keep updates of a context; to be undone by `unwatch`, once. Before the feed has begun the ring is
    /// empty and answers nothing, but its watchers count.
    func watch(_ context: ContextID) {
        state.withLock { state in
            let start = state.head.map { LogPlace($0) } ?? .start
            state.rings[context, default: ContextRing(start: start)].watchers += 1
            state.rings[context]?.unwatchedSince = nil
            state.changed.insert(context)
        }
    }

    /// Ends a `watch`. The ring stays for a while.
    func unwatch(_ context: ContextID) {
        state.withLock { state in
            guard let watchers = state.rings[context]?.watchers else { return }
            state.rings[context]?.watchers = max(0, watchers - 1)
            state.changed.insert(context)
            guard watchers <= 1 else { return }
            if state.rings.count > limits.contexts {
                state.bytes -= state.rings[context]?.bytes ?? 0
                state.rings[context] = nil
            } else {
                state.rings[context]?.unwatchedSince = .now
            }
        }
    }

    /// How many watch a context here.
    func watchers(of context: ContextID) -> Int { state.withLock { $0.rings[context]?.watchers ?? 0 } }

    /// The contexts whose number of watchers has changed since the last call, with that number.
    func changedWatchers() -> [(context: ContextID, watchers: Int)] {
        state.withLock { state in
            let changed = state.changed
            state.changed = []
            return changed.map { ($0, state.rings[$0]?.watchers ?? 0) }
        }
    }

    /// Whoever was told these has not heard it.
    func tellAgain(_ contexts: [ContextID]) { state.withLock { $0.changed.formUnion(contexts) } }

    /// Whoever was told all has forgotten it.
    func forgetToldWatchers() {
        state.withLock { state in
            for (context, ring) in state.rings where ring.watchers > 0 { state.changed.insert(context) }
        }
    }

    /// From now on updates of a context are handed out on a loop too.
    func enlist(_ table: LoopTable, for context: ContextID) {
        state.withLock { $0.rings[context]?.loops.insert(table.index) }
    }

    /// Ends an `enlist`.
    func delist(_ table: LoopTable, for context: ContextID) {
        state.withLock { $0.rings[context]?.loops.remove(table.index) }
    }

    /// What the ring has after a place, also when the feed has not come that far yet. `nil` when it does not have
    /// everything: then the log has it.
    func updates(of context: ContextID, after position: Position) -> [Update]? {
        state.withLock { state in
            guard position.epoch == state.head?.epoch else { return nil }
            return state.rings[context]?.updates(after: LogPlace(position))
        }
    }

    /// Waits until there may be more after a place. Returns whether there may be.
    func changed(_ context: ContextID, after position: Position, atMost limit: Duration) async throws -> Bool {
        let promise = Promise<Void>()
        let number: UInt64? = state.withLock { state in
            guard position.epoch == state.head?.epoch,
                state.rings[context]?.updates(after: LogPlace(position))?.isEmpty == true
            else { return nil }
            state.waiters += 1
            state.rings[context]?.waiting[state.waiters] = promise
            return state.waiters
        }
        guard let number else { return true }
        defer { state.withLock { _ = $0.rings[context]?.waiting.removeValue(forKey: number) } }
        do {
            try await withDeadline(limit, for: "an update") { try await promise.value() }
            return true
        } catch is DeadlineExceeded {
            return false
        }
    }
}
