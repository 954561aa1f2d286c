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

    let jobQueue: String
    let notification: String
    let client = Client(logger: .silent, metrics: Metrics())
    private let token: String

    init(_ environment: [String: String] = Environment.current()) {
        jobQueue = environment["JOB_QUEUE_URL"] ?? "http://127.0.0.1:8081"
        notification = environment["NOTIFICATION_URL"] ?? "http://127.0.0.1:8082"
        token = environment["MARTLET_TOKEN"] ?? "dev-token"
    }

    var authorization: (name: String, value: String) { ("Authorization", "Bearer \(token)") }

    /// Posts JSON to the job queue and returns the answer.
    func post(_ path: String, _ body: [UInt8]) async throws -> JSONElement {
        let request = ClientRequest(
            "POST",
            jobQueue + path,
            headers: [authorization, ("Content-Type", "application/json")],
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(total: .seconds(30))
        )
        let response = try await client.send(request)
        guard (200...299).contains(response.status) else { throw Refused(path: path, status: response.status) }
        return try JSONDocument(parsing: response.body).root
    }

    func post(_ path: String, _ body: (inout JSONWriter) -> Void) async throws -> JSONElement {
        try await post(path, JSONWriter.bytes { $0.object(body) })
    }
}
