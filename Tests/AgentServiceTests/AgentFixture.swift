import Concurrency
import Contracts
import Crypto
import Edge
import HTTPClient
import HTTPServer
import JSON
import Kernel
import LanguageModels
import Lifecycle
import Postgres
import Settings
import Store
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// A whole agent service inside the test, on a database of its own and a free port. It has no broker.
struct AgentFixture: Sendable {
    let pool: Pool
    let url: String
    let client: Client
    private let environment: [String: String]

    /// Runs `body` with a service that has been migrated and listens.
    static func run(
        _ environment: [String: String] = [:],
        models: ModelCatalog = ModelCatalog(),
        tracer: Tracer? = nil,
        _ body: @escaping @Sendable (AgentFixture) async throws -> Void
    ) async throws {
        try await TestPostgres.withDatabase { database in
            let environment = ["DATABASE_URL": database.url, "JOB_QUEUE_URL": "http://127.0.0.1:1"]
                .merging(environment) { $1 }
            let pool = Pool(database.settings, logger: .silent, metrics: Metrics())
            try await Schema.migrate(pool, logger: .silent)
            let result = await Task { try await serve(environment, pool, models, tracer, body) }.result
            await pool.close()
            try result.get()
        }
    }

    /// Runs `body` with another process of the same service, on the same database.
    func withReplica(_ body: @escaping @Sendable (AgentFixture) async throws -> Void) async throws {
        try await AgentFixture.serve(environment, pool, ModelCatalog(), nil, body)
    }

    private static func serve(
        _ environment: [String: String],
        _ pool: Pool,
        _ models: ModelCatalog,
        _ tracer: Tracer?,
        _ body: @escaping @Sendable (AgentFixture) async throws -> Void
    ) async throws {
        var reader = SettingsReader(environment: environment)
        let settings = AgentSettings(&reader)
        try #require(reader.problems == [])
        let metrics = Metrics()
        let program = Program.Environment(logger: .silent, metrics: metrics, grace: .seconds(10))
        let client = Client(logger: .silent, metrics: metrics)
        let directory = ServiceDirectory(settings.common.discovery)
        var agent = Agent(
            settings,
            pool: pool,
            directory: directory,
            client: client,
            models: models,
            tracer: tracer,
            program
        )
        var api = API(
            name: "agent",
            authenticator: Authenticator(settings.common.access, pool: pool),
            limiter: RateLimiter(settings.common.access),
            logger: .silent,
            metrics: metrics
        )
        try agent.addRoutes(to: &api)
        api.addKeys(APIKeyStore(pool))
        api.addOperations(health: HealthChecks([.database(pool)] + agent.softChecks), metrics: metrics)
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: api.router,
            logger: .silent,
            metrics: metrics
        )
        let bound = Promise<BoundAddress>()
        let http = HTTPService(server, grace: .seconds(5)) { bound.succeed($0) }
        let stop = StopSignal()
        let services: [any Service] = agent.services + [http]
        let running = Task {
            try await ServiceGroup(services, grace: .seconds(10), logger: .silent).run(until: stop)
        }
        let address = try await bound.value()
        let fixture = AgentFixture(
            pool: pool,
            url: "http://127.0.0.1:\(address.port)",
            client: client,
            environment: environment
        )
        let result = await Task { try await body(fixture) }.result
        stop.raise()
        try await running.value
        await client.shutdown()
        try result.get()
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
        var version: Int? { json["version"]?.int }
        var position: Int? { json["position"]?.int }
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
        if body != nil { fields.append(("Content-Type", "application/json")) }
        let content: ClientRequest.Body = body.map { .bytes(Array($0.utf8)) } ?? .none
        let response = try await client.send(ClientRequest(method, url + path, headers: fields, body: content))
        var text = response.body
        if response.headers["Content-Type"] == "text/event-stream" {
            // An answer that took a while: the last event is the answer.
            var parser = ServerSentEvents()
            text = try parser.feed(text).last.map { Array($0.data.utf8) } ?? []
        }
        let json = text.isEmpty ? JSONElement.null : try JSONDocument(parsing: text).root
        return Answer(status: response.status, json: json, response: response)
    }

    /// Makes a project.
    func project(_ title: String = "A project") async throws -> ProjectID {
        let answer = try await send("POST", "/api/projects", #"{"title":"\#(title)"}"#)
        try #require(answer.status == 201)
        return try #require(answer.json["project_id"]?.string.flatMap { ProjectID($0) })
    }

    /// Makes an activity with so many cards, titled 1…n.
    func activity(in project: ProjectID, cards count: Int = 0) async throws -> (id: ActivityID, cards: [CardID]) {
        let cards = (0..<count).map { #"{"title":"\#($0 + 1)"}"# }.joined(separator: ",")
        let answer = try await send(
            "POST",
            "/api/projects/\(project)/activities",
            #"{"title":"An activity","task_type":"image","cards":[\#(cards)]}"#
        )
        try #require(answer.status == 201)
        let id = try #require(answer.json["activity_id"]?.string.flatMap { ActivityID($0) })
        return (id, answer.json["cards"]?.elements.compactMap { $0["card_id"]?.string.flatMap { CardID($0) } } ?? [])
    }

    /// Makes a card in a project of its own.
    func card() async throws -> (project: ProjectID, id: CardID) {
        let project = try await project()
        return (project, try #require(try await activity(in: project, cards: 1).cards.first))
    }

    /// The cards of an activity as `(title, position)`, in the order of the list.
    func cards(in activity: ActivityID) async throws -> [(title: String, position: Int)] {
        let answer = try await send("GET", "/api/activities/\(activity)/cards?limit=200")
        return answer.json["items"]?.elements
            .map { ($0["title"]?.string ?? "", $0["position"]?.int ?? 0) } ?? []
    }

    /// The events of a subject: their type, what they say was done, and their number.
    func events(of subject: UUID) async throws -> [(type: String, change: String?, seq: Int)] {
        let rows = try await pool.query(
            "SELECT type, body, seq FROM shared.events WHERE subject = \(subject) ORDER BY seq"
        )
        return try rows.map { row in
            let body: RawJSON = try row.decode(1)
            return (
                try row.decode(0), try JSONDocument(parsing: body.bytes).root["change"]?.string, try row.decode(2)
            )
        }
    }

    /// Stores a job as the job queue would after it has completed.
    func completedJob(
        _ job: JobID,
        card: CardID,
        project: ProjectID?,
        result: String?,
        url: String?
    ) async throws {
        try await pool.execute(
            """
            INSERT INTO jobs.jobs (
                id, project_id, card_id, kind, queue, status, phase, seq, max_attempts, priority, run_at, timeout_ms,
                params, metadata, tags, result_url, result, submitted_by, created_at, completed_at
            )
            VALUES (
                \(job), \(project), \(card), 'image', 'default', 'completed', 'finished', 3, 3, 0, now(), 1000,
                '{}', '{}', '{}', \(url), \(result.map { RawJSON($0) }), 'test', now(), now()
            )
            """
        )
    }

    /// Delivers a callback, signed as the notification service signs.
    func deliver(
        _ body: String,
        key: String?,
        at time: Int64? = nil,
        secret: String = "development-callback-secret"
    ) async throws -> Answer {
        let time = time ?? WallClock.system.now().seconds
        let signed = CallbackHeader.signedBytes(time: time, body: Array(body.utf8))
        let code = Hex.encode(HMAC.sha256(key: Array(secret.utf8), message: signed))
        var headers = [(CallbackHeader.signature, "t=\(time),v1=\(code)")]
        if let key { headers.append((CallbackHeader.idempotencyKey, key)) }
        return try await send("POST", "/internal/callbacks/jobs", body, headers: headers, token: nil)
    }

    /// The event of a job's end.
    static func event(
        _ job: JobID,
        card: CardID?,
        status: String = "completed",
        url: String? = "/api/results/\(String(repeating: "ab", count: 32))"
    ) -> (body: String, id: String) {
        let id = "\(job):3"
        let body = JSONWriter.bytes { json in
            json.object {
                $0.member("event_id", id)
                $0.member("type", "job.status.updated")
                $0.member("job_id", job)
                $0.member("seq", 3)
                $0.member("card_id", card)
                $0.member("status", status)
                $0.member("result_url", url)
                $0.member("position", "abc.1.2")
            }
        }
        return (String(decoding: body, as: UTF8.self), id)
    }
}
