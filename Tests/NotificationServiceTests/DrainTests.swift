import Concurrency
import Contracts
import JSON
import Kernel
import Lifecycle
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// A node that stops sends its clients away one after the other.
@Suite(.timeLimit(.minutes(3))) struct DrainTests {
    @Test func `times to go are spread by the rate at which clients have come`() {
        let start = ContinuousClock.now
        let plan = DrainPlan(atLeast: 500, within: .seconds(14))
        let slow = (0..<1000).map { _ in plan.next(of: 1000) }
        #expect(slow.map(\.slot) == (0..<1000).map { .milliseconds(2) * $0 })
        #expect(slow.allSatisfy { $0.window == .seconds(2) })
        // Two thousand came within a second, then a few: so many can come again.
        let quick = DrainPlan(atLeast: 500, within: .seconds(14))
        for number in 0..<2000 { quick.opened(at: start + .microseconds(400) * number) }
        for number in 0..<9 { quick.opened(at: start + .seconds(10 + number)) }
        #expect(quick.next(of: 4000).window == .seconds(2))
        // Not longer than there is time, and nobody later than the last.
        let short = DrainPlan(atLeast: 1, within: .seconds(3))
        #expect((0..<20).map { _ in short.next(of: 10).slot }.max() == .seconds(3))
    }

    @Test func `each client has a time of its own, is served until then, and then closed`() async throws {
        var options = NotificationFixture.Options()
        options.limits.reconnectsPerSecond = 20
        options.limits.drainWindow = .seconds(3)
        try await NotificationFixture.run(options) { fixture in
            var sockets: [SocketClient] = []
            for _ in 0..<30 {
                let socket = try await fixture.socket("/ws?context_id=all")
                _ = try await socket.next("snapshot")
                sockets.append(socket)
            }
            let start = ContinuousClock.now
            fixture.stop.raise()
            var slots: [(slot: Int, socket: SocketClient)] = []
            for socket in sockets {
                let drain = try await socket.next("drain")
                let slot = try #require(drain["reconnect_after_ms"]?.int)
                #expect(try #require(drain["deadline_ms"]?.int) > slot)
                slots.append((slot, socket))
            }
            slots.sort { $0.slot < $1.slot }
            // As far apart from one another as the plan has room.
            let gaps = zip(slots, slots.dropFirst()).map { $1.slot - $0.slot }
            let window = try #require(slots.last?.slot)
            #expect(window >= 500)
            #expect(gaps.allSatisfy { abs($0 - window / 29) <= 1 }, "\(slots.map(\.slot))")
            // The last one still gets what happens.
            let job = try await fixture.job()
            let last = try #require(slots.last)
            #expect(try await last.socket.next("job_update")["data"]?["job_id"]?.string == "\(job)")
            for (slot, socket) in slots {
                #expect(try await socket.closing().code == 4012)
                #expect(ContinuousClock.now - start >= .milliseconds(slot))
            }
        }
    }
}
