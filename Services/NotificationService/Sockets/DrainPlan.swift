import Concurrency

/// Sends clients away one after the other, no faster than nodes have been seen to take them: each gets a time of its
/// own, and is served until then.
final class DrainPlan: Sendable {
    /// When one client is to go, and when the last one has gone; both from now.
    struct Departure: Sendable, Equatable {
        let slot: Duration
        let window: Duration
    }

    /// The most connections opened in one second.
    struct AcceptRate: Sendable {
        private var second: ContinuousClock.Instant?
        private var count = 0
        private(set) var best = 0

        mutating func note(at now: ContinuousClock.Instant) {
            if let begin = second, now - begin < .seconds(1) {
                count += 1
            } else {
                second = now
                count = 1
            }
            best = max(best, count)
        }
    }

    private struct State {
        var rate = AcceptRate()
        /// How many had to go when the first was sent, and how many have been.
        var total: Int?
        var sent = 0
    }

    private let floor: Int
    private let limit: Duration
    private let state = Lock(State())

    /// A plan that sends at least `floor` clients a second away, and all within `limit`.
    init(atLeast floor: Int, within limit: Duration) {
        self.floor = floor
        self.limit = limit
    }

    /// A client came.
    func opened(at now: ContinuousClock.Instant = .now) { state.withLock { $0.rate.note(at: now) } }

    /// The turn of the next client, of so many that are there.
    func next(of connections: Int) -> Departure {
        state.withLock { state in
            let total = state.total ?? max(1, connections)
            state.total = total
            defer { state.sent += 1 }
            let window = min(limit, .seconds(1) * total / max(floor, state.rate.best))
            return Departure(slot: window * min(state.sent, total) / total, window: window)
        }
    }
}
