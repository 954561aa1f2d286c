import Testing

@testable import RabbitMQ

@Suite(.timeLimit(.minutes(1))) struct ConfirmTrackerTests {
    private typealias Tracker = ConfirmTracker<Int>

    private func tracker(_ count: Int) -> Tracker {
        var tracker = Tracker()
        for token in 1...count {
            let tag = tracker.sent(token, .init(exchange: "e", routingKey: "k\(token % 3)", messageID: nil))
            #expect(tag == UInt64(token))
        }
        return tracker
    }

    /// Every sequence of answers to four messages, against a model that keeps plain sets.
    @Test func `every order of single and multiple answers gives each message exactly one outcome`() {
        struct Step { let tag: Int, multiple: Bool, positive: Bool }
        let steps = (0...5)
            .flatMap { tag in
                [true, false]
                    .flatMap { multiple in
                        [true, false].map { Step(tag: tag, multiple: multiple, positive: $0) }
                    }
            }
        var sequences = 0
        for first in steps {
            for second in steps {
                for third in steps {
                    var tracker = tracker(4)
                    var open = Set(1...4)
                    for step in [first, second, third] {
                        let expected: [Int]
                        if step.multiple {
                            // 0 means all; a tag that was never sent means nothing.
                            let bound = step.tag == 0 ? 4 : step.tag
                            expected = bound > 4 ? [] : open.filter { $0 <= bound }.sorted()
                        } else {
                            expected = open.contains(step.tag) ? [step.tag] : []
                        }
                        let answers = tracker.answered(
                            UInt64(step.tag),
                            multiple: step.multiple,
                            positive: step.positive
                        )
                        #expect(answers.map(\.token) == expected)
                        #expect(answers.allSatisfy { $0.outcome == (step.positive ? .confirmed : .nacked) })
                        open.subtract(expected)
                        #expect(tracker.count == open.count)
                        #expect(tracker.oldest == open.min())
                    }
                    sequences += 1
                }
            }
        }
        #expect(sequences == 24 * 24 * 24)
    }

    @Test func `a return belongs to the oldest message with its route that was not returned yet`() {
        var tracker = tracker(9)
        let route = Tracker.Fingerprint(exchange: "e", routingKey: "k2", messageID: nil)
        let strangers: [Tracker.Fingerprint] = [
            .init(exchange: "other", routingKey: "k2", messageID: nil),
            .init(exchange: "e", routingKey: "k2", messageID: "x"),
        ]
        let matches = ([route, route] + strangers).map { tracker.returned($0, code: 312, text: "NO_ROUTE") }
        #expect(matches == [true, true, false, false])
        let answers = tracker.answered(9, multiple: true, positive: true)
        let returned = Outcome.returned(code: 312, text: "NO_ROUTE")
        #expect(answers.filter { $0.outcome == returned }.map(\.token) == [2, 5])
        #expect(answers.filter { $0.outcome == .confirmed }.count == 7)
    }

    @Test func `a return that overtakes the confirms of earlier messages finds its own`() {
        var tracker = Tracker()
        for token in 1...3 {
            tracker.sent(token, .init(exchange: "", routingKey: token == 3 ? "gone" : "q", messageID: "m\(token)"))
        }
        let matches = tracker.returned(.init(exchange: "", routingKey: "gone", messageID: "m3"), code: 312, text: "t")
        #expect(matches)
        let third = tracker.answered(3, multiple: false, positive: true)
        #expect(third.map(\.token) == [3] && third[0].outcome == .returned(code: 312, text: "t"))
        let others = tracker.answered(2, multiple: true, positive: true)
        #expect(others.map(\.outcome) == [.confirmed, .confirmed])
    }

    @Test func `memory stays with what is open, however many messages pass`() {
        var window = TagWindow<Int>()
        for value in 1...100_000 {
            let tag = window.append(value)
            #expect(tag == UInt64(value))
            guard value > 3 else { continue }
            let settled = window.settle(tag - 3, multiple: false)
            #expect(settled == [value - 3])
        }
        #expect(window.count == 3 && window.oldest == 99_998 && window.first == 99_998)
        #expect(!window.contains(99_997) && window.contains(100_000) && !window.contains(100_001))
        let unknown = window.settle(.max, multiple: true)
        #expect(unknown.isEmpty)
    }
}
