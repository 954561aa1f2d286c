import Concurrency
import Lifecycle
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServiceGroupTests {
    struct Failure: Error {}

    final class Journal: Sendable {
        private let lines = Lock<[String]>([])
        func note(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    func service(_ name: String, _ journal: Journal, started: Promise<Void> = Promise()) -> ServiceTask {
        ServiceTask(name) { stop in
            started.succeed(())
            await stop.wait()
            journal.note(name)
        }
    }

    @Test func `stops the last first, one at a time`() async throws {
        let journal = Journal()
        let stop = StopSignal()
        let started = Promise<Void>()
        let group = ServiceGroup(
            [service("database", journal), service("queue", journal), service("http", journal, started: started)],
            grace: .seconds(30),
            logger: .silent
        )
        async let run: Void = group.run(until: stop)
        try await started.value()
        stop.raise()
        try await run
        #expect(journal.all == ["http", "queue", "database"])
    }

    @Test func `a failure stops the others and is thrown`() async {
        let journal = Journal()
        let group = ServiceGroup(
            [service("database", journal), ServiceTask("broken") { _ in throw Failure() }],
            grace: .seconds(30),
            logger: .silent
        )
        await #expect(throws: Failure.self) { try await group.run(until: StopSignal()) }
        #expect(journal.all == ["database"])
    }

    @Test func `a service that ends by itself is a failure`() async {
        let group = ServiceGroup([ServiceTask("short") { _ in }], grace: .seconds(30), logger: .silent)
        await #expect(throws: ServiceGroup.EndedEarly.self) { try await group.run(until: StopSignal()) }
    }

    @Test func `what does not finish within the grace is cancelled`() async throws {
        let stop = StopSignal()
        stop.raise()
        let group = ServiceGroup(
            [ServiceTask("stubborn") { _ in try await Promise<Void>().value() }],
            grace: .milliseconds(1),
            logger: .silent
        )
        try await group.run(until: stop)
    }

    @Test func `a stop signal cancels what it is asked to`() async throws {
        let stop = StopSignal()
        let started = Promise<Void>()
        async let run: Void = stop.cancelling {
            started.succeed(())
            try await Promise<Void>().value()
        }
        try await started.value()
        stop.raise()
        try await run
        await #expect(throws: Failure.self) { try await StopSignal().cancelling { throw Failure() } }
    }
}
