public import Telemetry

/// Runs services together and stops them in the reverse of their order.
public struct ServiceGroup: Sendable {
    private let services: [any Service]
    private let grace: Duration
    private let logger: Logger

    /// A group in order of dependency: what comes later uses what comes earlier, and is stopped first.
    public init(_ services: [any Service], grace: Duration, logger: Logger) {
        self.services = services
        self.grace = grace
        self.logger = logger
    }

    /// A service of the group ended although nobody had asked it to.
    public struct EndedEarly: Error, CustomStringConvertible {
        /// The service's name.
        public let service: String
        /// Names the service.
        public var description: String { "\(service) ended by itself" }
    }

    private enum Ending: Sendable {
        case finished(Int)
        case failed(Int, any Error)
        case asked
        case graceOver
    }

    /// Runs until `stop` is raised and all have finished, or until one has failed and the others have finished.
    ///
    /// - Throws: the first failure.
    public func run(until stop: StopSignal) async throws {
        let signals = services.map { _ in StopSignal() }
        var running = Set(services.indices)
        var failure: (any Error)?
        var stopping = false
        await withTaskGroup(of: Ending.self) { group in
            for (index, service) in services.enumerated() {
                group.addTask {
                    do {
                        try await service.run(until: signals[index])
                        return .finished(index)
                    } catch {
                        return .failed(index, error)
                    }
                }
            }
            group.addTask {
                await stop.wait()
                return .asked
            }
            while !running.isEmpty, let ending = await group.next() {
                switch ending {
                case .finished(let index):
                    running.remove(index)
                    if !signals[index].isRaised { failure = failure ?? EndedEarly(service: services[index].name) }
                case .failed(let index, let error):
                    running.remove(index)
                    if !(error is CancellationError && stopping) {
                        logger.error("service failed", ["service": services[index].name, "error": "\(error)"])
                        failure = failure ?? error
                    }
                case .asked: break
                case .graceOver:
                    logger.warning(
                        "grace is over",
                        ["still_running": running.map { services[$0].name }.sorted().joined(separator: ",")]
                    )
                    group.cancelAll()
                }
                if !stopping, stop.isRaised || failure != nil {
                    stopping = true
                    let grace = grace
                    group.addTask {
                        // Cancelled when all have finished in time.
                        do { try await Task.sleep(for: grace) } catch { return .asked }
                        return .graceOver
                    }
                }
                if stopping, let last = running.max() { signals[last].raise() }
            }
            group.cancelAll()
        }
        if let failure { throw failure }
    }
}
