import Concurrency
import Kernel
import Testing

@testable import JobQueueService

@Suite(.timeLimit(.minutes(1))) struct ReadyBellTests {
    private func waiter(_ bell: ReadyBell, _ kinds: [String] = ["a"], queues: [String]? = nil) -> ReadyBell.Waiter {
        let worker = Worker(
            id: IdentifierSource().next(),
            name: "",
            kinds: kinds,
            queues: queues,
            capacity: 1,
            project: nil
        )
        let waiter = ReadyBell.Waiter(WorkerFilter(worker))
        bell.enter(waiter)
        return waiter
    }

    private func isWoken(_ waiter: ReadyBell.Waiter) async throws -> Bool {
        try await waiter.wakeup.wait(atMost: .zero)
    }

    @Test func `as many are woken as jobs came, the longest waiting first`() async throws {
        let bell = ReadyBell()
        let waiters = (0..<4).map { _ in waiter(bell) }
        bell.ring(["a", "a", "b"])
        #expect(try await [isWoken(waiters[0]), isWoken(waiters[1])] == [true, true])
        #expect(try await [isWoken(waiters[2]), isWoken(waiters[3])] == [false, false])
        bell.ring(["a", "a", "a"])
        // Those who had not been woken, and then the first again.
        var woken: [Bool] = []
        for waiter in waiters { woken.append(try await isWoken(waiter)) }
        #expect(woken == [true, false, true, true])
    }

    @Test func `who has left is not woken in another's place`() async throws {
        let bell = ReadyBell()
        let waiters = (0..<3).map { _ in waiter(bell) }
        bell.leave(waiters[0])
        bell.ring(["a"])
        #expect(try await [isWoken(waiters[0]), isWoken(waiters[1])] == [false, true])
        for waiter in waiters { bell.leave(waiter) }
        #expect(bell.waiting.isEmpty)
        bell.ring(["a"])
        #expect(try await isWoken(waiters[2]) == false)
    }

    @Test func `of workers that differ in queues one of each is woken`() async throws {
        let bell = ReadyBell()
        let (narrow, wide) = (waiter(bell, queues: ["night"]), waiter(bell, ["a", "b"]))
        let other = waiter(bell, ["b"])
        bell.ring(["a"])
        #expect(try await [isWoken(narrow), isWoken(wide), isWoken(other)] == [true, true, false])
        #expect(Set(bell.waiting.map(\.filter.kinds)) == [["a"], ["a", "b"], ["b"]])
    }
}
