import Concurrency
import Testing

@Suite(.timeLimit(.minutes(1))) struct ThreadExecutorTests {
    actor Confined {
        let executor = ThreadExecutor(name: "confined")
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
        var count = 0
        func add() -> Bool {
            count += 1
            return executor.isCurrent
        }
    }

    @Test func `an actor's calls run on its thread, one at a time`() async {
        let actor = Confined()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<500 { group.addTask { await actor.add() } }
            for await onThread in group { #expect(onThread) }
        }
        #expect(await actor.count == 500)
        #expect(!actor.executor.isCurrent)
    }
}
