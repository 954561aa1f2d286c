import Concurrency
import Testing

@Suite(.timeLimit(.minutes(1))) struct BatcherTests {
    struct Poison: Error {}

    /// Lets a test hold a batch open and see what the batches were.
    actor Bench {
        var batches: [[Int]] = []
        let begun = Wakeup()
        func begin(_ items: [Int]) {
            batches.append(items)
            begun.signal()
        }
    }

    func running<Result: Sendable>(
        _ batcher: Batcher<Int, Int>,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let owner = Task { try await batcher.run() }
        defer { owner.cancel() }
        return try await body()
    }

    @Test func `what arrives during a batch forms the next one`() async throws {
        let bench = Bench()
        let gate = Promise<Void>()
        let batcher = Batcher<Int, Int>(maximumBatch: 100, maximumWaiting: 100, parallel: 1) { items in
            await bench.begin(items)
            if items == [0] { try await gate.value() }
            return items.map { $0 * 2 }
        }
        try await running(batcher) {
            try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                group.addTask { (0, try await batcher.submit(0)) }
                _ = try await bench.begun.wait(atMost: .seconds(30))
                for item in 1...20 { group.addTask { (item, try await batcher.submit(item)) } }
                while batcher.waitingCount < 20 { await Task.yield() }
                gate.succeed(())
                for try await (item, outcome) in group { #expect(outcome == item * 2) }
            }
        }
        #expect(await bench.batches.map(\.count) == [1, 20])
    }

    @Test func `one bad item does not spoil the others`() async throws {
        let batcher = Batcher<Int, Int>(
            maximumBatch: 100,
            maximumWaiting: 100,
            parallel: 1,
            mayRetryAlone: { $0 is Poison }
        ) { items in
            if items.contains(3) { throw Poison() }
            return items
        }
        let failed = try await running(batcher) {
            await withTaskGroup(of: Int?.self) { group in
                for item in 1...10 {
                    group.addTask { do { _ = try await batcher.submit(item); return nil } catch { return item } }
                }
                var failed: [Int] = []
                for await item in group { if let item { failed.append(item) } }
                return failed
            }
        }
        #expect(failed == [3])
    }

    @Test func `a full batcher refuses, and an ended one too, after what was under way`() async throws {
        let bench = Bench()
        let gate = Promise<Void>()
        let batcher = Batcher<Int, Int>(maximumBatch: 1, maximumWaiting: 1, parallel: 1) { items in
            await bench.begin(items)
            if items == [1] { try await gate.value() }
            return items
        }
        let owner = Task { try await batcher.run() }
        let underWay = Task { try await batcher.submit(1) }
        _ = try await bench.begun.wait(atMost: .seconds(30))
        let waiting = Task { try await batcher.submit(2) }
        while batcher.waitingCount < 1 { await Task.yield() }
        await #expect(throws: AsyncSemaphore.Full.self) { try await batcher.submit(3) }
        owner.cancel()
        await #expect(throws: Batcher<Int, Int>.Closed.self) { try await waiting.value }
        await #expect(throws: Batcher<Int, Int>.Closed.self) { try await batcher.submit(4) }
        gate.succeed(())
        #expect(try await underWay.value == 1)
        try await owner.value
        #expect(await bench.batches == [[1]])
    }

    @Test func `a caller that gives up does not end what others were promised`() async throws {
        let bench = Bench()
        let gate = Promise<Void>()
        let batcher = Batcher<Int, Int>(maximumBatch: 10, maximumWaiting: 10, parallel: 1) { items in
            await bench.begin(items)
            if items == [1] { try await gate.value() }
            return items
        }
        try await running(batcher) {
            let first = Task { try await batcher.submit(1) }
            _ = try await bench.begun.wait(atMost: .seconds(30))
            let second = Task { try await batcher.submit(2) }
            while batcher.waitingCount < 1 { await Task.yield() }
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            gate.succeed(())
            #expect(try await second.value == 2)
        }
        #expect(await bench.batches == [[1], [2]])
    }
}
