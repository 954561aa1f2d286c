import JSON
import Kernel

/// Who gets how many callbacks at a time. A lane is a host, or the agent; each has a circuit breaker and places of
/// its own, so that who is slow or away holds up nobody else.
struct CallbackLanes: Sendable {
    /// The agent's lane, wherever the agent is.
    static let agent = ""

    /// The bounds of all lanes of a sender.
    struct Rules: Sendable {
        /// At a time, in all.
        var atOnce: Int
        /// At a time in one lane.
        var perLane: Int
        var breaker = CircuitBreaker.Rules()
        /// Lanes that are remembered.
        var remembered = 10_000
    }

    private struct Lane {
        var underWay = 0
        var breaker = CircuitBreaker()
        var isIdle: Bool { underWay == 0 && breaker == CircuitBreaker() }
    }

    let rules: Rules
    private var lanes: [String: Lane] = [:]
    private(set) var underWay = 0

    init(_ rules: Rules) { self.rules = rules }

    /// Places that are free in all.
    var free: Int { max(0, rules.atOnce - underWay) }

    /// The free places of lanes that do not have all of them.
    func places(at now: ContinuousClock.Instant) -> [(lane: String, places: Int)] {
        lanes.map { name, lane in
            (name, max(0, lane.breaker.places(of: rules.perLane, at: now) - lane.underWay))
        }
    }

    /// The lanes that are closed to callbacks, and for how long.
    func shut(at now: ContinuousClock.Instant) -> [(lane: String, for: Duration)] {
        lanes.compactMap { name, lane in lane.breaker.opensAgain(after: now).map { (name, $0 - now) } }
    }

    mutating func began(_ name: String, at now: ContinuousClock.Instant) {
        if lanes.count >= rules.remembered, lanes[name] == nil { forget() }
        underWay += 1
        lanes[name, default: Lane()].underWay += 1
        lanes[name]?.breaker.began(at: now)
    }

    /// An attempt ended. Returns whether its lane is shut by it.
    @discardableResult
    mutating func ended(
        _ name: String,
        _ outcome: CallbackOutcome,
        at now: ContinuousClock.Instant,
        random: RandomSource
    ) -> Bool {
        guard var lane = lanes[name] else { return false }
        underWay -= 1
        lane.underWay -= 1
        let wasShut = lane.breaker.opensAgain(after: now) != nil
        switch outcome {
        case .delivered, .refused: lane.breaker.succeeded()
        case .failed: lane.breaker.failed(at: now, fraction: random.fraction(), rules.breaker)
        case .unsent: lane.breaker.learnedNothing(at: now)
        }
        lanes[name] = lane.isIdle ? nil : lane
        return !wasShut && lane.breaker.opensAgain(after: now) != nil
    }

    /// What is known of hosts that had trouble and have nothing under way; they begin anew.
    private mutating func forget() { lanes = lanes.filter { $0.value.underWay > 0 } }

    /// What administrators see: lanes with something under way or with trouble.
    func views(at now: ContinuousClock.Instant) -> [View] {
        lanes.map { name, lane in
            View(lane: name, underWay: lane.underWay, breaker: lane.breaker, now: now)
        }
        .sorted { $0.lane < $1.lane }
    }

    /// A lane as administrators see it.
    struct View: Sendable, JSONWritable {
        let lane: String
        let underWay: Int
        let breaker: CircuitBreaker
        let now: ContinuousClock.Instant

        var isShut: Bool { if case .closed = breaker.state { false } else { true } }

        func write(to json: inout JSONWriter) {
            json.object {
                $0.member("target", lane == CallbackLanes.agent ? "agent" : "url")
                $0.member("host", lane == CallbackLanes.agent ? nil : lane)
                $0.member("breaker", breaker.state.word)
                $0.member("retry_in_ms", breaker.opensAgain(after: now).map { ($0 - now).milliseconds })
                $0.member("under_way", underWay)
            }
        }
    }
}
