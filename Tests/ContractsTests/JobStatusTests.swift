import Contracts
import Testing

@Suite struct JobStatusTests {
    @Test func `final statuses have no successor, all others reach one`() {
        for status in JobStatus.allCases {
            #expect(status.successors.isEmpty == status.isFinal)
            var reached: Set = [status]
            while true {
                let next = reached.union(reached.flatMap(\.successors))
                if next == reached { break }
                reached = next
            }
            #expect(status.isFinal || reached.contains(where: \.isFinal))
        }
    }
}
