internal import Concurrency
internal import Synchronization

/// A wish for a program to be run, and the promise of its end.
final class StartOrder: Sendable {
    private static let lastID = Atomic<UInt64>(0)

    let id = StartOrder.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    let command: Command
    let channel: LineChannel
    private let promise = Promise<Result<Ending, SubprocessError>>()

    init(command: Command, channel: LineChannel) {
        self.command = command
        self.channel = channel
    }

    /// Called once, when there is no process any more.
    func end(_ result: Result<Ending, SubprocessError>) {
        channel.finish()
        promise.succeed(result)
    }

    /// Waits for `end`. To be called from a task that is not cancelled.
    func ending() async -> Result<Ending, any Error> {
        do {
            return try await promise.value().mapError { $0 }
        } catch {
            return .failure(error)
        }
    }
}
