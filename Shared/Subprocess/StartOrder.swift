internal import Concurrency
internal import Synchronization

/// A wish for a program to be run, and the promise of its end.
final class StartOrder: Sendable {
    private static let lastID = Atomic<UInt64>(0)

    let id = StartOrder.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    let command: Command
    let channel: LineChannel
    /// What it is told while it runs, in a dialogue.
    let input: InputChannel?
    private let promise = Promise<Result<Ending, SubprocessError>>()

    init(command: Command, channel: LineChannel, input: InputChannel? = nil) {
        self.command = command
        self.channel = channel
        self.input = input
    }

    /// Called once, when there is no process any more.
    func end(_ result: Result<Ending, SubprocessError>) {
        channel.finish()
        input?.end()
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
