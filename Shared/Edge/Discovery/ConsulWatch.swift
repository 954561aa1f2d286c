import Kernel
public import Lifecycle
public import Telemetry

/// Keeps a directory up to date by Consul's blocking queries. While Consul is away the last known instances count.
public struct ConsulWatch: Service {
    /// What it is called in logs.
    public let name = "service directory"
    private let consul: ConsulClient
    private let names: [ServiceName]
    private let directory: ServiceDirectory
    private let logger: Logger
    private let wait: Duration

    /// Watches the services called `names`.
    public init(
        _ consul: ConsulClient,
        names: [ServiceName],
        directory: ServiceDirectory,
        logger: Logger,
        wait: Duration = .seconds(60)
    ) {
        self.consul = consul
        self.names = names
        self.directory = directory
        self.logger = logger
        self.wait = wait
    }

    /// Watches until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            try await withThrowingDiscardingTaskGroup { group in
                for name in names { group.addTask { try await follow(name) } }
            }
        }
    }

    private func follow(_ service: ServiceName) async throws {
        let backoff = Backoff(from: .milliseconds(500), cap: .seconds(10))
        var index: UInt64 = 0
        var failures = 0
        while true {
            do {
                let (instances, next) = try await consul.passing(service, index: index, wait: wait)
                directory.learn(instances, of: service)
                // An index that falls, or is missing, belongs to another history: begin again.
                index = next < index ? 0 : next
                failures = 0
                // However fast things change, Consul is asked only so often.
                try await Task.sleep(for: .milliseconds(100))
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                index = 0
                if failures == 1 {
                    logger.warning("consul not reached", ["service": service.rawValue, "error": "\(error)"])
                }
                try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(100))
            }
        }
    }
}
