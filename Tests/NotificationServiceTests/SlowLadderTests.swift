import Testing

@testable import NotificationService

/// The ladder alone: every way through it, against what it promises.
@Suite struct SlowLadderTests {
    /// What can happen to it.
    private enum Input: CaseIterable {
        case overflow
        case room
        case settle
        /// Three seconds go by, in which nothing left,
        case stall
        /// or something did.
        case move
    }

    /// What is known of it from outside.
    private struct Witness {
        var ladder = SlowLadder()
        var now = ContinuousClock.now
        var progressAt: ContinuousClock.Instant
        var isBehind = false
        var wasDropped = false
        var isClosed = false
        var faults: [String] = []

        init() { progressAt = now }

        mutating func take(_ input: Input) {
            switch input {
            case .overflow:
                let fell = ladder.overflowed()
                check(fell == (!isBehind && !isClosed), "falls behind once")
                if fell { isBehind = true }
            case .room:
                let debt = ladder.roomCame()
                let wanted: SlowLadder.Debt? = isClosed || !isBehind ? nil : wasDropped ? .snapshots : .updates
                check(debt == wanted, "owes \(String(describing: wanted))")
                progressAt = now
            case .settle:
                ladder.settled()
                isBehind = false
                wasDropped = false
            case .stall, .move:
                now += .seconds(3)
                if input == .move { progressAt = now }
                let stalled = now - progressAt
                let fall = ladder.look(at: now, stalledSince: input == .move ? nil : progressAt)
                check(fall == nil || !isClosed, "does nothing after the end")
                if fall == .dropQueue {
                    check(isBehind && !wasDropped && stalled >= .seconds(5), "drops what a stalled client waits for")
                    wasDropped = true
                } else if fall == .close {
                    check(stalled >= .seconds(20), "closes nobody in less than twenty seconds")
                    isClosed = true
                } else if input == .stall, !isClosed {
                    check(stalled < .seconds(20) || wasDropped, "closes who takes nothing for twenty seconds")
                    check(!isBehind || wasDropped || stalled < .seconds(5), "drops after five seconds")
                }
            }
            check(ladder.isNormal == (!isBehind && !isClosed), "is normal when nothing is owed")
        }

        private mutating func check(_ holds: Bool, _ promise: String) { if !holds { faults.append(promise) } }
    }

    @Test func `every way of seven steps keeps its promises`() {
        var ways = 0
        func walk(_ witness: Witness, _ depth: Int, _ way: [Input]) {
            if !witness.faults.isEmpty {
                Issue.record("\(way): \(witness.faults)")
                return
            }
            ways += 1
            guard depth > 0 else { return }
            for input in Input.allCases {
                var next = witness
                next.take(input)
                walk(next, depth - 1, way + [input])
            }
        }
        walk(Witness(), 7, [])
        // What needs many steps: a stall to its end, from every beginning of three steps.
        for first in Input.allCases {
            for second in Input.allCases {
                for third in Input.allCases {
                    var witness = Witness()
                    for input in [first, second, third] + Array(repeating: Input.stall, count: 9) {
                        witness.take(input)
                    }
                    #expect(witness.faults == [], "\(first) \(second) \(third)")
                    #expect(witness.isClosed)
                }
            }
        }
        #expect(ways > 90_000)
    }

    @Test func `who goes on in time gets updates, and snapshots later`() {
        let start = ContinuousClock.now
        var ladder = SlowLadder()
        func look(_ seconds: Int, _ stalledSince: ContinuousClock.Instant?) -> SlowLadder.Fall? {
            ladder.look(at: start + .seconds(seconds), stalledSince: stalledSince)
        }
        let fell = ladder.overflowed()
        let steps = [look(4, start), look(6, start), look(19, nil), look(20, nil)]
        #expect(fell)
        // The queue is empty once it was dropped, and time goes on all the same.
        #expect(steps == [nil, .dropQueue, nil, .close])
        #expect(ladder.roomCame() == nil)
    }
}
