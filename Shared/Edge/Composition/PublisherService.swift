public import Lifecycle
public import RabbitMQ

/// A publisher as a service of the process.
public struct PublisherService: Service {
    /// What it is called in logs.
    public let name = "publisher"
    private let publisher: Publisher

    /// A service around `publisher`.
    public init(_ publisher: Publisher) { self.publisher = publisher }

    /// Publishes until `stop` is raised, then waits for the last confirms.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling { await publisher.run() }
    }
}
