import Testing

@testable import RabbitMQ

@Suite(.timeLimit(.minutes(1))) struct SettlementTests {
    private func window(_ count: Int) -> TagWindow<Void> {
        var window = TagWindow<Void>()
        for _ in 0..<count { window.append(()) }
        return window
    }

    @Test func `a complete run from the lowest on is one acknowledgement`() {
        var window = window(10)
        let merged = Settlement.merge([4, 2, 1, 3, 9, 6].map { .acknowledge($0, multiple: false) }, unsettled: &window)
        #expect(
            merged == [
                .acknowledge(4, multiple: true), .acknowledge(6, multiple: false), .acknowledge(9, multiple: false),
            ]
        )
        #expect(window.count == 4)
    }

    @Test func `a rejection is never swept along by the run around it`() {
        var window = window(5)
        let merged = Settlement.merge(
            [
                .acknowledge(1, multiple: false), .acknowledge(2, multiple: false),
                .reject(3, multiple: false, requeue: true),
                .acknowledge(4, multiple: false), .acknowledge(5, multiple: false),
            ],
            unsettled: &window
        )
        #expect(
            merged == [
                .acknowledge(2, multiple: true), .reject(3, multiple: false, requeue: true),
                .acknowledge(5, multiple: true),
            ]
        )
        #expect(window.isEmpty)
    }

    @Test func `unknown and repeated tags are left out`() {
        var window = window(3)
        let requests: [Settlement] = [
            .acknowledge(2, multiple: false), .acknowledge(2, multiple: false), .acknowledge(77, multiple: true),
            .reject(0, multiple: false, requeue: false), .acknowledge(8, multiple: false),
        ]
        let first = Settlement.merge(requests, unsettled: &window)
        let second = Settlement.merge(requests, unsettled: &window)
        #expect(first == [.acknowledge(2, multiple: false)] && second.isEmpty)
    }

    /// What the broker would do with the merged list is what the single ones asked for.
    @Test func `merging never changes what is settled, in any order of five`() {
        func permutations(_ items: [Int]) -> [[Int]] {
            items.isEmpty
                ? [[]]
                : items.flatMap { item in
                    permutations(items.filter { $0 != item }).map { [item] + $0 }
                }
        }
        for order in permutations([1, 2, 3, 4, 5]) {
            for cut in 0...5 {
                var window = window(5)
                var broker = Set(1...5)
                for part in [order[..<cut], order[cut...]] {
                    let open = broker.subtracting(part)
                    let requests = part.map { Settlement.acknowledge(UInt64($0), multiple: false) }
                    for settlement in Settlement.merge(requests, unsettled: &window) {
                        guard case .acknowledge(let tag, let multiple) = settlement else { continue }
                        #expect(broker.contains(Int(tag)))
                        broker.subtract(multiple ? Array(0...Int(tag)) : [Int(tag)])
                    }
                    #expect(broker == open)
                }
            }
        }
    }
}
