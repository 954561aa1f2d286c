import Concurrency
import Contracts
import Foundation
import Glibc
import HTTPClient
import JSON
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

/// The whole product as an operator runs it: real executables on a Postgres and a RabbitMQ of their own.
final class Cluster: Sendable {
    let database: TestServer
    let broker: TestRabbitMQ
    let pool: Pool
    let client: Client
    let jobQueue: ServiceProgram
    let notification: ServiceProgram
    let agent: ServiceProgram
    let logs: URL
    /// Further replicas of the job queue.
    let replicas: [ServiceProgram]
    /// The token with every scope.
    let token: String

    var services: [ServiceProgram] { [jobQueue, notification, agent] + replicas }

    /// Starts everything, runs `body`, and stops everything, whatever happens.
    ///
    /// - Parameters:
    ///   - environment: settings of all services, before our own.
    ///   - replicas: job queues beside the first one.
    ///   - replicaEnvironment: settings of those alone.
    static func run(
        _ environment: [String: String] = [:],
        replicas: Int = 0,
        replicaEnvironment: [String: String] = [:],
        _ body: @escaping @Sendable (Cluster) async throws -> Void
    ) async throws {
        let cluster = try await Cluster(environment, replicas, replicaEnvironment)
        let result = await Task { try await body(cluster) }.result
        for service in cluster.services { await service.kill() }
        await cluster.client.shutdown()
        await cluster.pool.close()
        try await cluster.database.kill()
        if case .failure(let error) = result {
            for service in cluster.services { print("--- \(service.name)\n\(service.lastLines)") }
            throw error
        }
        try FileManager.default.removeItem(at: cluster.logs)
    }

    private init(_ settings: [String: String], _ count: Int, _ replicaSettings: [String: String]) async throws {
        token = settings["MARTLET_DEV_TOKEN"] ?? "dev-token"
        database = TestServer(alwaysPrivate: true)
        broker = try await TestRabbitMQ.startPrivate()
        let url = try await database.url()
        logs = FileManager.default.temporaryDirectory.appending(path: "martlet-system-\(UUID())")
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
        let ports = try (0..<3).map { _ in try Cluster.freePort() }
        let logs = logs
        let environment = [
            "PATH": "/usr/bin:/bin:/usr/sbin", "DATABASE_URL": url, "BROKER_URL": broker.baseURL + "/%2f",
            "AGENT_URL": "http://127.0.0.1:\(ports[0])", "JOB_QUEUE_URL": "http://127.0.0.1:\(ports[1])",
            "NOTIFICATION_URL": "http://127.0.0.1:\(ports[2])", "RESULTS_DIR": logs.appending(path: "results").path,
            "LEASE_MS": "2000", "RETRY_INITIAL_MS": "20", "RETRY_CAP_MS": "200", "LOG_FORMAT": "text",
            "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
        ]
        .merging(settings) { $1 }
        agent = ServiceProgram("agent-service", port: ports[0], environment: environment, logs: logs)
        jobQueue = ServiceProgram("job-queue-service", port: ports[1], environment: environment, logs: logs)
        notification = ServiceProgram("notification-service", port: ports[2], environment: environment, logs: logs)
        replicas = try (0..<count)
            .map { _ in
                ServiceProgram(
                    "job-queue-service",
                    port: try Cluster.freePort(),
                    environment: environment.merging(replicaSettings) { $1 },
                    logs: logs
                )
            }
        var observing = PoolSettings(url, applicationName: "observer")
        observing.size = 2
        pool = Pool(observing, logger: .silent, metrics: Metrics())
        client = Client(logger: .silent, metrics: Metrics())
        for service in services { try await service.start() }
        for service in services { try await waitUntilReady(service) }
    }

    /// Waits until a service says that it can serve; the test's time limit bounds the wait.
    func waitUntilReady(_ service: ServiceProgram) async throws {
        while true {
            guard await service.isRunning else { throw Ended(service: service.name) }
            do {
                if try await get("http://127.0.0.1:\(service.port)/ready").status == 200 { return }
            } catch is ClientError {
                // Not listening yet.
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    struct Ended: Error { let service: String }

    func get(_ url: String) async throws -> ClientResponse {
        try await client.send(ClientRequest("GET", url, headers: [("Authorization", "Bearer \(token)")]))
    }

    func post(_ service: ServiceProgram, _ path: String, _ body: String, key: String? = nil) async throws
        -> ClientResponse
    {
        var headers = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
        if let key { headers.append(("Idempotency-Key", key)) }
        return try await client.send(
            ClientRequest(
                "POST",
                "http://127.0.0.1:\(service.port)\(path)",
                headers: headers.map { (name: $0.0, value: $0.1) },
                body: .bytes(Array(body.utf8)),
                timeouts: .init(connect: .seconds(1), total: .seconds(35))
            )
        )
    }

    /// A port that is free now.
    static func freePort() throws -> Int {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
