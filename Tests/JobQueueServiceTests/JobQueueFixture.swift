import Concurrency
import Contracts
import Edge
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Postgres
import Settings
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// A whole job queue service inside the test, on a database of its own and a free port. It has no broker.
struct JobQueueFixture: Sendable {
    let pool: Pool
    let queue: JobQueue
    let url: String
    let port: UInt16
    let database: TestPostgres.Database
    private let client: Client

    /// Runs `body` with a service that has been migrated and listens. Without its duties nothing happens by itself: no
    /// time comes, nobody is missed.
    static func run(
        _ environment: [String: String] = [:],
        providers: [(name: String, provider: any Provider)] = [],
        duties: Bool = true,
        _ body: @escaping @Sendable (JobQueueFixture) async throws -> Void
    ) async throws {
        try await TestPostgres.withDatabase { database in
            var reader = SettingsReader(
                environment: [
                    "DATABASE_URL": database.url, "RESULTS_DIR": "/tmp/martlet-tests/\(database.name)",
                    "RETRY_INITIAL_MS": "1", "RETRY_CAP_MS": "1", "PROVIDER_PRESETS": "none",
                    // A busy machine is no dead worker.
                    "LEASE_MS": "300000",
                ]
                .merging(environment) { $1 }
            )
            let settings = JobQueueSettings(&reader)
            try #require(reader.problems == [])
            let metrics = Metrics()
            let program = Program.Environment(logger: .silent, metrics: metrics, grace: .seconds(10))
            let pool = Pool(database.settings, logger: .silent, metrics: metrics)
            try await Schema.migrate(pool, logger: .silent)
            let queue = try JobQueue(
                settings,
                pool: pool,
                providers: providers + settings.providers.providers(pool, program),
                program
            )
            var api = API(
                name: "job-queue",
                authenticator: Authenticator(settings.common.access, pool: pool),
                limiter: RateLimiter(settings.common.access),
                logger: .silent,
                metrics: metrics
            )
            queue.addRoutes(to: &api)
            api.addKeys(APIKeyStore(pool))
            api.addOperations(health: HealthChecks([.database(pool)]), metrics: metrics)
            let server = Server(
                settings: ServerSettings(port: 0, loops: 1),
                router: api.router,
                logger: .silent,
                metrics: metrics
            )
            let bound = Promise<BoundAddress>()
            let http = HTTPService(server, grace: .seconds(5)) { bound.succeed($0) }
            let stop = StopSignal()
            let services = queue.services(publisher: nil).filter { duties || !($0 is Duty) } + [http]
            let running = Task {
                try await ServiceGroup(services, grace: .seconds(10), logger: .silent).run(until: stop)
            }
            let address = try await bound.value()
            let client = Client(logger: .silent, metrics: metrics)
            let fixture = JobQueueFixture(
                pool: pool,
                queue: queue,
                url: "http://127.0.0.1:\(address.port)",
                port: UInt16(address.port),
                database: database,
                client: client
            )
            let result = await Task { try await body(fixture) }.result
            stop.raise()
            try await running.value
            await client.shutdown()
            await pool.close()
            try result.get()
        }
    }

    /// An answer with its body parsed.
    struct Answer {
        let status: Int
        let json: JSONElement
        let response: ClientResponse

        var code: String? { json["error"]?["code"]?.string }
        var pointers: [String] {
            json["error"]?["details"]?["errors"]?.elements.compactMap { $0["pointer"]?.string } ?? []
        }
    }

    /// Sends a request with the development token.
    func send(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: [(String, String)] = [],
        token: String? = "dev-token"
    ) async throws -> Answer {
        var fields = headers
        if let token { fields.append(("Authorization", "Bearer \(token)")) }
        if body != nil, !headers.contains(where: { $0.0 == "Content-Type" }) {
            fields.append(("Content-Type", "application/json"))
        }
        let content: ClientRequest.Body = body.map { .bytes(Array($0.utf8)) } ?? .none
        let response = try await client.send(ClientRequest(method, url + path, headers: fields, body: content))
        let json = response.body.isEmpty ? JSONElement.null : try JSONDocument(parsing: response.body).root
        return Answer(status: response.status, json: json, response: response)
    }

    /// Gets something that is not JSON.
    func fetch(_ path: String, headers: [(String, String)] = []) async throws -> ClientResponse {
        try await client.send(
            ClientRequest("GET", url + path, headers: headers + [("Authorization", "Bearer dev-token")])
        )
    }

    /// Submits a job and returns its id.
    func submit(_ body: String = #"{"params":{}}"#) async throws -> JobID {
        let answer = try await send("POST", "/api/jobs", body)
        try #require(answer.status == 201)
        return try #require(answer.json["job_id"]?.string.flatMap { JobID($0) })
    }

    func job(_ id: JobID) async throws -> JSONElement { try await send("GET", "/api/jobs/\(id)").json }

    /// A worker session of the given kinds.
    func worker(_ kinds: [String] = ["generate"], capacity: Int = 100) async throws -> Worker {
        let worker = Worker(
            id: IdentifierSource().next(),
            name: "test",
            kinds: kinds,
            queues: nil,
            capacity: capacity,
            project: nil
        )
        _ = try await pool.execute(
            WorkerStatements.register(worker, inProcess: false, lease: queue.dispatcher.leaseDuration)
        )
        return worker
    }

    /// Leases one job.
    func lease(_ worker: Worker) async throws -> LeaseKey {
        let leases = try await queue.dispatcher.acquire(worker, limit: 1, wait: .seconds(20))
        let lease = try #require(leases.first)
        return LeaseKey(jobID: lease.jobID, fence: lease.fence)
    }

    /// Waits until a job has a status; the suite's time limit bounds the wait.
    func wait(for id: JobID, toBe status: JobStatus) async throws {
        try await eventually { try await job(id)["status"]?.string == status.rawValue }
    }

    /// The statuses of a job's events, and whether their numbers are gapless.
    func history(_ id: JobID) async throws -> (statuses: [String], isGapless: Bool) {
        let items = try await send("GET", "/api/jobs/\(id)/events?limit=200").json["items"]?.elements.map { $0 } ?? []
        let numbers = items.compactMap { $0["seq"]?.int }
        return (items.compactMap { $0["status"]?.string }, numbers == Array(1...max(1, items.count)))
    }
}
