import Concurrency
import Testing

@Suite(.timeLimit(.minutes(1))) struct WaitingTests {
    actor Occupancy {
        var now = 0
        var most = 0
        func enter() {
            now += 1
            most = max(most, now)
        }
        func leave() { now -= 1 }
    }

    @Test func `a wakeup signalled before the wait is not lost, and two are one`() async throws {
        let wakeup = Wakeup()
        wakeup.signal()
        wakeup.signal()
        #expect(try await wakeup.wait(atMost: .seconds(30)))
        #expect(try await !wakeup.wait(atMost: .milliseconds(1)))
    }

    @Test func `a wakeup ends a wait under way`() async throws {
        let wakeup = Wakeup()
        async let woken = wakeup.wait(atMost: .seconds(30))
        wakeup.signal()
        #expect(try await woken)
    }

    @Test func `a deadline cancels what takes too long`() async {
        await #expect(throws: DeadlineExceeded.self) {
            try await withDeadline(.milliseconds(1), for: "nothing") { try await Promise<Void>().value() }
        }
    }

    @Test func `a deadline passes values and errors on`() async throws {
        struct Failure: Error {}
        #expect(try await withDeadline(.seconds(30), for: "seven") { 7 } == 7)
        await #expect(throws: Failure.self) { try await withDeadline(.seconds(30), for: "failure") { throw Failure() } }
    }

    @Test func `a semaphore never gives out more places than it has`() async throws {
        let semaphore = AsyncSemaphore(places: 3)
        let inside = Occupancy()
        try await withThrowingTaskGroup { group in
            for _ in 0..<200 {
                group.addTask {
                    try await semaphore.withPlace {
                        await inside.enter()
                        await Task.yield()
                        await inside.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await inside.most == 3)
        #expect(await inside.now == 0)
    }

    @Test func `a full semaphore refuses, and a cancelled waiter leaves the line`() async throws {
        let semaphore = AsyncSemaphore(places: 1, maximumWaiters: 1)
        let held = Promise<Void>()
        let entered = Promise<Void>()
        let holder = Task {
            try await semaphore.withPlace {
                entered.succeed(())
                try await held.value()
            }
        }
        try await entered.value()
        let waiter = Task { try await semaphore.withPlace {} }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        held.succeed(())
        try await holder.value
        try await semaphore.withPlace {}
    }
}
