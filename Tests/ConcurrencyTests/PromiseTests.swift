import Concurrency
import Testing

@Suite(.timeLimit(.minutes(1))) struct PromiseTests {
    struct Failure: Error {}

    @Test func `a value given before the wait is returned`() async throws {
        let promise = Promise<Int>()
        promise.succeed(7)
        #expect(try await promise.value() == 7)
    }

    @Test func `only the first value counts`() async throws {
        let promise = Promise<Int>()
        #expect(promise.succeed(1))
        #expect(!promise.succeed(2))
        #expect(!promise.fail(Failure()))
        #expect(try await promise.value() == 1)
    }

    @Test func `a waiting task is resumed`() async throws {
        let promise = Promise<Int>()
        async let value = promise.value()
        promise.succeed(3)
        #expect(try await value == 3)
    }

    @Test func `cancellation ends the wait`() async {
        let promise = Promise<Int>()
        let task = Task { try await promise.value() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!promise.succeed(1))
    }
}
