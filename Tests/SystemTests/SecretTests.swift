import Crypto
import Foundation
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

/// Invariant 11: no secret value appears in a log line, event, metric, error, URL or database column.
///
/// The services get secrets that are found wherever they turn up, work, fail, and are then searched.
@Suite(.timeLimit(.minutes(5)), .serialized) struct SecretTests {
    /// Secrets by what they are, and where each must not be found.
    struct Secrets: Sendable {
        var values: [String: String] = [:]

        /// A new secret, which no other text contains.
        mutating func make(_ name: String) -> String {
            let value = "zq\(name)" + Hex.encode(RandomSource.system.bytes(16))
            values[name] = value
            return value
        }

        /// What of them is in a text, as it is or encoded.
        func found(in text: String) -> [String] {
            values.filter { secret in Secrets.forms(secret.value).contains { text.contains($0) } }.keys.sorted()
        }

        static func forms(_ value: String) -> [String] {
            let bytes = Array(value.utf8)
            return [value, Hex.encode(bytes), Data(bytes).base64EncodedString(), Base64URL.encode(bytes)]
        }
    }

    @Test func `no secret is found in what the services write, store or say`() async throws {
        var secrets = Secrets()
        let developer = secrets.make("developer")
        let signing = secrets.make("jwt")
        let issued = try JWT.sign(
            JWTClaims(
                issuer: "tests",
                subject: "agent",
                audience: ["martlet"],
                expiresAt: Timestamp(microseconds: WallClock.system.now().microseconds + 3_600_000_000),
                scopes: ["jobs:submit", "jobs:read"]
            ),
            with: .secret(Secret(Array(signing.utf8)))
        )
        secrets.values["service token"] = issued
        let environment = [
            "MARTLET_DEV_TOKEN": developer, "JWT_SECRET": signing, "JWT_ISSUER": "tests", "JWT_AUDIENCE": "martlet",
            "JOB_QUEUE_TOKEN": issued, "CALLBACK_SECRET": secrets.make("callback"), "LOG_LEVEL": "debug",
            "CALLBACK_RETRY_INITIAL_MS": "20", "CALLBACK_RETRY_CAP_MS": "100", "CALLBACK_GIVE_UP_MS": "100",
            "ACME_KEY": secrets.make("provider"), "ACME_SECRET": secrets.make("webhook"),
            "CONSUL_URL": "http://martlet:\(secrets.make("consul"))@127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://martlet:\(secrets.make("otlp"))@127.0.0.1:9",
        ]
        let known = secrets
        try await SecretTests.withProvider(echoing: environment["ACME_KEY"] ?? "") { port in
            let file = FileManager.default.temporaryDirectory.appending(path: "martlet-\(Foundation.UUID()).json")
            try SecretTests.providers(port).write(to: file, atomically: true, encoding: .utf8)
            defer { do { try FileManager.default.removeItem(at: file) } catch { Issue.record(error) } }
            try await Cluster.run(environment.merging(["HTTP_PROVIDERS_FILE": file.path]) { $1 }) { cluster in
                var secrets = known
                for name in ["DATABASE_URL", "BROKER_URL"] {
                    let url = try #require(URLComponents(string: cluster.agent.environment[name] ?? ""))
                    let password = try #require(url.password)
                    secrets.values[name] = password
                }
                let said = try await SecretTests.work(cluster, &secrets)
                for text in said { #expect(secrets.found(in: text) == [], "an answer: \(text)") }
                try await SecretTests.search(cluster, secrets)
            }
        }
    }

    /// Uses the secrets rightly and wrongly; returns what was answered, but for the answers that are to hold one.
    private static func work(_ cluster: Cluster, _ secrets: inout Secrets) async throws -> [String] {
        var said: [String] = []
        func ask(
            _ method: String,
            _ service: ServiceProgram,
            _ path: String,
            _ body: String? = nil,
            _ headers: [(name: String, value: String)] = []
        ) async throws -> ClientResponse {
            var fields = headers
            if !headers.contains(where: { $0.name == "Authorization" }) {
                fields.append(("Authorization", "Bearer \(cluster.token)"))
            }
            if body != nil { fields.append(("Content-Type", "application/json")) }
            return try await cluster.client.send(
                ClientRequest(
                    method,
                    "http://127.0.0.1:\(service.port)\(path)",
                    headers: fields,
                    body: body.map { .bytes(Array($0.utf8)) } ?? .none
                )
            )
        }
        func note(_ response: ClientResponse) {
            said.append(
                "\(response.status) \(response.headers.fields.map { "\($0.name): \($0.value)" }) \(response.text)"
            )
        }
        // Answers that show a secret once, on purpose.
        let key = try await ask("POST", cluster.jobQueue, "/api/keys", #"{"name":"k","scopes":["admin"]}"#)
        let token = try #require(try JSONDocument(parsing: key.body).root["token"]?.string)
        secrets.values["API key"] = token
        let slip = try await ask("POST", cluster.notification, "/api/tickets")
        let ticket = try #require(try JSONDocument(parsing: slip.body).root["ticket"]?.string)
        secrets.values["ticket"] = ticket
        let owner = [(name: "Authorization", value: "Bearer \(token)")]

        // Rightly.
        let project = try await ask("POST", cluster.agent, "/api/projects", #"{"title":"public-mark"}"#, owner)
        note(project)
        let id = try #require(try JSONDocument(parsing: project.body).root["project_id"]?.string)
        let activity = try await ask(
            "POST",
            cluster.agent,
            "/api/projects/\(id)/activities",
            #"{"title":"a","task_type":"text","cards":[{"title":"c"}]}"#
        )
        note(activity)
        let card = try #require(
            try JSONDocument(parsing: activity.body).root["cards"]?.elements.first { _ in true }?["card_id"]?.string
        )
        note(try await ask("POST", cluster.agent, "/api/cards/\(card)/jobs", #"{"kind":"refusing","params":{}}"#))
        for kind in ["refusing", "failing", "working", "waiting", "unreachable"] {
            let job =
                "{\"kind\":\"\(kind)\",\"params\":{},\"max_attempts\":2,"
                + "\"callback_url\":\"http://127.0.0.1:9/hook\"}"
            note(try await ask("POST", cluster.jobQueue, "/api/jobs", job, owner))
        }
        let socket = try RawSocket(cluster.notification.port)
        socket.push(Hostile.upgrade("/ws?ticket=\(ticket)&context_id=all"))
        // Wrongly.
        for service in cluster.services {
            note(try await ask("GET", service, "/api/keys?token=\(token)", nil, [("Authorization", "Bearer x")]))
            note(try await ask("GET", service, "/api/keys", nil, [("Authorization", "Bearer \(token)x")]))
            note(try await ask("GET", service, "/api/keys", nil, [("Authorization", "Basic \(token)")]))
            note(try await ask("POST", service, "/api/keys", #"{"name":7}"#, owner))
            note(try await ask("GET", service, "/nowhere", nil, owner))
        }
        note(try await ask("GET", cluster.notification, "/ws?token=\(token)", nil, SecretTests.upgrade))
        note(try await ask("POST", cluster.jobQueue, "/api/providers/waiting/webhook", "{}", [("X", "y")]))
        note(
            try await ask("POST", cluster.agent, "/internal/callbacks/jobs", "{}", [("Martlet-Signature", "t=1,v1=00")])
        )

        // All has ended but the job that waits for its webhook, and the callbacks have been tried.
        func count(_ sql: SQL) async throws -> Int { try await cluster.pool.query(sql)[0].decode(0) }
        try await eventually("all but one end") {
            try await count("SELECT count(*) FROM jobs.jobs WHERE completed_at IS NOT NULL") == 5
        }
        try await eventually("their callbacks are dead") {
            try await count("SELECT count(*) FROM notify.callbacks WHERE state = 'dead'") == 4
        }
        // Failures of what all depends on are logged.
        try await cluster.broker.control("kill")
        try await cluster.database.kill()
        for service in cluster.services {
            note(try await ask("GET", service, "/api/keys", nil, owner))
            note(try await ask("GET", service, "/health"))
        }
        try await cluster.database.restart()
        try await cluster.broker.control("start")
        for service in cluster.services {
            try await cluster.waitUntilReady(service)
            for path in ["/metrics", "/health", "/openapi.json"] { note(try await ask("GET", service, path)) }
        }
        for service in cluster.services { said.append(try await service.output("--print-settings")) }
        // Settings that cannot be used are refused without a word of their values.
        var mistakes: [String: String] = [:]
        for name in ["DATABASE_URL", "BROKER_URL", "JWT_PUBLIC_KEY", "JWT_JWKS", "AGENT_URL", "LOG_LEVEL"] {
            mistakes[name] = secrets.make("bad")
        }
        for service in cluster.services {
            let broken = ServiceProgram(
                service.name,
                port: service.port,
                environment: service.environment.merging(mistakes) { $1 },
                logs: cluster.logs
            )
            let refusal = try await broken.output()
            #expect(refusal.contains("the settings have mistakes"), "\(refusal)")
            said.append(refusal)
        }
        withExtendedLifetime(socket) {}
        return said + (try await SecretTests.pages(cluster))
    }

    private static let upgrade: [(name: String, value: String)] = [
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]

    /// What can be listed.
    private static func pages(_ cluster: Cluster) async throws -> [String] {
        var pages: [String] = []
        for (service, paths) in [
            (cluster.jobQueue, ["/api/jobs?limit=200", "/api/kinds", "/api/keys"]),
            (cluster.notification, ["/api/callbacks", "/api/connections"]), (cluster.agent, ["/api/projects"]),
        ] {
            for path in paths { pages.append(try await cluster.get("http://127.0.0.1:\(service.port)\(path)").text) }
        }
        return pages
    }

    private static func search(_ cluster: Cluster, _ secrets: Secrets) async throws {
        for service in cluster.services {
            let log = try String(contentsOfFile: service.log, encoding: .utf8)
            #expect(log.contains("INFO listening"), "\(service.name) logged nothing to search")
            for line in log.split(separator: "\n") {
                #expect(secrets.found(in: String(line)) == [], "\(service.name) logged: \(line)")
            }
            let id = try #require(await service.id)
            let command = try String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)
            #expect(secrets.found(in: command) == [], "\(service.name)'s command line")
        }
        // What is not a secret is found, so the search can find.
        #expect(try await tables(holding: ["public-mark"], cluster.pool).contains("agent.projects"))
        for (name, value) in secrets.values {
            let tables = try await tables(holding: Secrets.forms(value), cluster.pool)
            #expect(tables == [], "\(name) is in the database")
        }
    }

    /// The tables that have one of the texts in any column; bytes are compared in hexadecimal.
    private static func tables(holding texts: [String], _ pool: Pool) async throws -> [String] {
        let names = try await pool.query(
            """
            SELECT quote_ident(table_schema) || '.' || quote_ident(table_name)
            FROM information_schema.tables
            WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
            """
        )
        #expect(names.count > 15)
        var found: [String] = []
        for row in names {
            let name: String = try row.decode(0)
            let rows = try await pool.query(
                """
                SELECT count(*) FROM \(unchecked: name) AS content
                WHERE EXISTS (SELECT FROM unnest(\(texts)) AS text WHERE position(text IN content::text) > 0)
                """
            )
            if try rows[0].decode(0, as: Int.self) > 0 { found.append(name) }
        }
        return found
    }

    // MARK: An outside service that talks too much

    /// Kinds whose services refuse, fail, work, and call back.
    private static func providers(_ port: Int) -> String {
        func provider(_ name: String, _ port: Int, webhook: Bool = false) -> String {
            let url = "http://127.0.0.1:\(port)/\(name)"
            let headers = #""headers":{"Authorization":"Bearer ${ACME_KEY}"}"#
            let waiting =
                webhook
                ? #""webhook":{"secret":"${ACME_SECRET}","id":"/id"}"#
                : #""poll":{"url":"\#(url)",\#(headers),"interval_ms":10,"cap_ms":20}"#
            return """
                {"name":"\(name)","kind":"\(name)","summary":"s","params":{"type":"object"},
                 "allow_private_addresses":true,"create":{"url":"\(url)",\(headers),"id":"/id"},
                 "status":{"pointer":"/status","done":["done"],"failed":["failed"],"error":"/error"},
                 "result":{"pointer":"/output","form":"json"},\(waiting)}
                """
        }
        let all = [
            provider("refusing", port), provider("failing", port), provider("working", port),
            provider("waiting", port, webhook: true), provider("unreachable", 9),
        ]
        return "{\"providers\":[\(all.joined(separator: ","))]}"
    }

    /// Runs `body` with a service that repeats the key it was given wherever it can.
    private static func withProvider(echoing key: String, _ body: (Int) async throws -> Void) async throws {
        var router = Router()
        let words = "the key Bearer \(key) is wrong"
        for method in [HTTPServer.Method.get, .post] {
            router.add(method, "/{name}", body: .buffered(atMost: 10_000)) { request in
                let name = request.parameters["name"] ?? ""
                let answer =
                    switch name {
                    case "failing": "{\"id\":\"1\",\"status\":\"failed\",\"error\":\"\(words)\"}"
                    case "working": "{\"id\":\"1\",\"status\":\"done\",\"output\":{\"a\":\"\(words)\"}}"
                    case "waiting": "{\"id\":\"1\",\"status\":\"waiting\"}"
                    default: "{\"error\":\"\(words)\"}"
                    }
                return Response(
                    name == "refusing" ? .unauthorized : .ok,
                    type: "application/json",
                    Array(answer.utf8),
                    headers: ["WWW-Authenticate": words]
                )
            }
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let result: Result<Void, any Error>
        do { result = .success(try await body(Int(address.port))) } catch { result = .failure(error) }
        await server.stop(grace: .seconds(2))
        try result.get()
    }
}
