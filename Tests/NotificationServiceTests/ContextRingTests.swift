import Contracts
import Messaging
import Testing

@testable import NotificationService

/// The ring alone: what it has, and what it admits not to have.
@Suite struct ContextRingTests {
    private func update(_ number: UInt64) throws -> Update {
        let wire = """
            {"event_id":"e\(number)","type":"card.updated","position":"a.\(number).1","prev_position":"a.\(number - 1).1"}
            """
        return Update(try #require(FeedEvent(wire: Array(wire.utf8))), for: .all)
    }

    private func place(_ number: UInt64) -> LogPlace { LogPlace(Position(epoch: "a", transaction: number, row: 1)) }

    private func ring(_ numbers: ClosedRange<UInt64>, atMost limit: Int = 100) throws -> ContextRing {
        var ring = ContextRing(start: place(numbers.lowerBound - 1))
        for number in numbers { ring.append(try update(number), at: .now, atMost: limit) }
        return ring
    }

    @Test func `it has what came after a place`() throws {
        let ring = try ring(5...9)
        #expect(ring.updates(after: place(7))?.map(\.event.id) == ["e8", "e9"])
        #expect(ring.updates(after: place(4))?.count == 5)
        #expect(ring.updates(after: place(9))?.isEmpty == true)
        #expect(ring.updates(after: place(20))?.isEmpty == true)
    }

    @Test func `it admits what it has let go of`() throws {
        var ring = try ring(1...10, atMost: 4)
        #expect(ring.updates(after: place(5))?.count == nil)
        #expect(ring.updates(after: place(6))?.count == 4)
        ring.halve()
        #expect(ring.updates(after: place(7))?.count == nil)
        #expect(ring.updates(after: place(8))?.count == 2)
        ring.drop(before: .now)
        #expect(ring.updates(after: place(9))?.count == nil)
        #expect(ring.updates(after: place(10))?.isEmpty == true)
        #expect(ring.bytes == 0)
    }

    @Test func `a bucket lets so many through at once and so many a second`() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(perSecond: 20, at: start)
        #expect((0..<30).count { _ in bucket.take(at: start) } == 20)
        #expect((0..<30).count { _ in bucket.take(at: start + .milliseconds(500)) } == 10)
    }
}
