import HTTPClient
import JSON
import Settings
import Telemetry

/// The services to measure.
struct Services: Sendable {
    struct Refused: Error, CustomStringConvertible {
        let path: String
        let status: Int
        var description: String { "\(path) was answered \(status)" }
    }

    /// One of the replicas.
    private(set) var jobQueue: String
    private let replicas: [String]
    let notification: String
    let agentURL: String
    let client: Client
    private let token: String

    init(_ environment: [String: String] = Environment.current()) {
        replicas = (environment["JOB_QUEUE_URL"] ?? "http://127.0.0.1:8081").split(separator: ",").map(String.init)
        jobQueue = replicas[0]
        notification = environment["NOTIFICATION_URL"] ?? "http://127.0.0.1:8082"
        agentURL = environment["AGENT_URL"] ?? "http://127.0.0.1:8080"
        token = environment["MARTLET_TOKEN"] ?? "dev-token"
        var settings = ClientSettings(name: "load")
        settings.maximumTransfers = 4096
        settings.maximumConnections = 4096
        settings.maximumConnectionsPerHost = 4096
        client = Client(settings, logger: .silent, metrics: Metrics())
    }

    var authorization: (name: String, value: String) { ("Authorization", "Bearer \(token)") }

    /// The same, with another replica of the job queue in turn.
    func replica(_ number: Int) -> Services {
        var services = self
        services.jobQueue = replicas[number % replicas.count]
        return services
    }

    /// Posts JSON to the job queue and returns the answer.
    func post(_ path: String, _ body: [UInt8]) async throws -> JSONElement {
        let request = ClientRequest(
            "POST",
            jobQueue + path,
            headers: [authorization, ("Content-Type", "application/json")],
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(total: .seconds(60))
        )
        let response = try await client.send(request)
        guard (200...299).contains(response.status) else { throw Refused(path: path, status: response.status) }
        return try JSONDocument(parsing: response.body).root
    }

    func post(_ path: String, _ body: (inout JSONWriter) -> Void) async throws -> JSONElement {
        try await post(path, JSONWriter.bytes { $0.object(body) })
    }

    /// A page of jobs.
    func jobs(_ query: String) async throws -> [JSONElement] {
        let request = ClientRequest("GET", "\(jobQueue)/api/jobs?\(query)", headers: [authorization])
        let response = try await client.send(request)
        guard response.status == 200 else { throw Refused(path: "/api/jobs", status: response.status) }
        return try JSONDocument(parsing: response.body).root["items"]?.elements.map { $0 } ?? []
    }

    /// Submits jobs in batches of 1,000.
    func submit(_ count: Int, kind: String, queue: String = "default") async throws {
        for first in stride(from: 0, to: count, by: 1000) {
            _ = try await post("/api/jobs/batch") {
                $0.member("jobs") {
                    $0.array {
                        for number in first..<min(first + 1000, count) {
                            $0.object {
                                $0.member("kind", kind)
                                $0.member("queue", queue)
                                $0.member("params") { $0.object { $0.member("number", number) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Opens a worker session.
    func worker(_ kind: String, capacity: Int) async throws -> String {
        let session = try await post("/api/workers") {
            $0.member("name", "bench")
            $0.member("kinds", [kind])
            $0.member("capacity", capacity)
        }
        guard let worker = session["worker_id"]?.string else { throw Refused(path: "/api/workers", status: 201) }
        return worker
    }

    /// Closes a worker session.
    func close(_ worker: String) async throws {
        _ = try await client.send(
            ClientRequest("DELETE", "\(jobQueue)/api/workers/\(worker)", headers: [authorization])
        )
    }

    /// Sends one verb for all leases; returns how many it was granted for.
    func settle(_ verb: String, _ worker: String, _ leases: [JSONElement]) async throws -> Int {
        let answer = try await post("/api/workers/\(worker)/\(verb)") {
            $0.member("items") {
                $0.array {
                    for lease in leases {
                        $0.object {
                            $0.member("job_id", lease["job_id"] ?? .null)
                            $0.member("fence", lease["fence"] ?? .null)
                        }
                    }
                }
            }
        }
        return answer["items"]?.elements.count { ($0["status"] ?? $0).string == "ok" } ?? 0
    }
}
