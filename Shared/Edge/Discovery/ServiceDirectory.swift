import Concurrency
public import Kernel

/// Tells where a service is: one of its healthy instances where a registry is followed, else the configured URL.
public final class ServiceDirectory: Sendable {
    private let configured: [ServiceName: String]
    private let instances = Lock<[ServiceName: [ServiceInstance]]>([:])
    private let inUse = Lock<[ServiceInstance: Int]>([:])
    private let random: RandomSource

    /// A directory of the configured URLs.
    public init(_ settings: DiscoverySettings, random: RandomSource = .system) {
        configured = [
            .agent: settings.agentURL, .jobQueue: settings.jobQueueURL, .notification: settings.notificationURL,
        ]
        .mapValues { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        self.random = random
    }

    /// The base URL of a service, without a slash at the end.
    public func url(of name: ServiceName) -> String {
        choose(name)?.url ?? configured[name] ?? ""
    }

    /// Runs a call with the base URL of a service, and counts it while it runs: of two instances drawn at random the
    /// one with fewer calls is taken.
    public func withURL<Value: Sendable>(
        of name: ServiceName,
        _ call: (String) async throws -> Value
    ) async throws -> Value {
        guard let instance = choose(name) else { return try await call(url(of: name)) }
        inUse.withLock { $0[instance, default: 0] += 1 }
        defer {
            inUse.withLock {
                let rest = $0[instance, default: 1] - 1
                $0[instance] = rest > 0 ? rest : nil
            }
        }
        return try await call(instance.url)
    }

    /// Replaces what is known of a service. An empty list is kept too: the configured URL counts again.
    func learn(_ found: [ServiceInstance], of name: ServiceName) { instances.withLock { $0[name] = found } }

    private func choose(_ name: ServiceName) -> ServiceInstance? {
        let known = instances.withLock { $0[name] ?? [] }
        guard known.count > 1 else { return known.first }
        let first = Int(random.next() % UInt64(known.count))
        // Another one than the first, all others being equally likely.
        let second = (first + 1 + Int(random.next() % UInt64(known.count - 1))) % known.count
        return inUse.withLock { $0[known[first], default: 0] <= $0[known[second], default: 0] }
            ? known[first] : known[second]
    }
}
