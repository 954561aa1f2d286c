public import Concurrency
import Kernel
public import Lifecycle
public import Telemetry

/// Registers this process with Consul once it listens, again whenever Consul has forgotten it, and takes it out at the
/// end.
public struct ConsulRegistration: Service {
    /// What it is called in logs.
    public let name = "consul registration"
    private let consul: ConsulClient
    private let service: ServiceName
    private let host: String
    private let bound: Promise<UInt16>
    private let bootID = IdentifierSource().uuid()
    private let interval: Duration
    private let logger: Logger

    /// Registers `service` at `host` and the port that `bound` will tell.
    public init(
        _ consul: ConsulClient,
        _ service: ServiceName,
        host: String,
        bound: Promise<UInt16>,
        logger: Logger,
        interval: Duration = .seconds(10)
    ) {
        self.consul = consul
        self.service = service
        self.host = host
        self.bound = bound
        self.interval = interval
        self.logger = logger
    }

    /// Stays registered until `stop` is raised.
    public func run(until stop: StopSignal) async throws {
        let ledger = Ledger()
        try await stop.cancelling { try await stayRegistered(ledger) }
        guard let id = ledger.id else { return }
        do {
            try await consul.deregister(id: id)
        } catch {
            // Consul finds out by its check.
            logger.warning("not taken out of consul", ["error": "\(error)"])
        }
    }

    private func stayRegistered(_ ledger: Ledger) async throws {
        let port = Int(try await bound.value())
        let registration = ConsulClient.Registration(
            id: "\(service.rawValue)-\(host)-\(port)-\(bootID)",
            name: service,
            instance: ServiceInstance(host: host, port: port)
        )
        var wasReached = true
        while true {
            do {
                if try await !consul.knows(id: registration.id) {
                    // Noted before: a registration whose answer was lost is taken out too.
                    ledger.note(registration.id)
                    try await consul.register(registration)
                    logger.info("registered with consul", ["id": registration.id])
                }
                wasReached = true
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                if wasReached { logger.warning("consul not reached", ["error": "\(error)"]) }
                wasReached = false
            }
            try await Task.sleep(for: interval)
        }
    }

    /// What has to be taken out at the end.
    private final class Ledger: Sendable {
        private let noted = Lock<String?>(nil)
        var id: String? { noted.withLock { $0 } }
        func note(_ id: String) { noted.withLock { $0 = id } }
    }
}
