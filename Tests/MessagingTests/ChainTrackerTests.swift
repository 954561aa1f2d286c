import Contracts
import Messaging
import Testing

@Suite struct ChainTrackerTests {
    private func place(_ transaction: UInt64, epoch: String = "a") -> Position {
        Position(epoch: epoch, transaction: transaction, row: 1)
    }

    @Test func `the next in the chain is delivered`() {
        #expect(ChainTracker(last: place(5)).step(place(6), after: place(5)) == .deliver)
    }

    @Test func `what was delivered is dropped`() {
        let tracker = ChainTracker(last: place(5))
        #expect(tracker.step(place(5), after: place(4)) == .drop)
        #expect(tracker.step(place(4), after: place(3)) == .drop)
    }

    @Test func `a gap sends to the log`() {
        #expect(ChainTracker(last: place(5)).step(place(8), after: place(7)) == .readLog)
    }

    @Test func `a relay that starts over with an earlier predecessor leaves no gap`() {
        #expect(ChainTracker(last: place(5)).step(place(6), after: place(2)) == .deliver)
    }

    @Test func `another epoch is another history`() {
        #expect(ChainTracker(last: place(5)).step(place(6, epoch: "b"), after: place(5, epoch: "b")) == .newHistory)
    }
}
