import Contracts
import Crypto
import HTTPClient
import JSON
import Kernel
import Postgres
import Store
import TestSupport
import Testing

@testable import JobQueueService

/// Whatever is sent, the answer is a clear refusal and nothing is changed.
@Suite(.timeLimit(.minutes(2))) struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var method = "POST"
        var path = "/api/jobs"
        var body: String?
        var headers: [(String, String)] = []
        var token: String? = "dev-token"
        let status: Int
        let code: String
        var pointers: [String]?

        var testDescription: String { "\(method) \(path.prefix(60)) \(body?.prefix(60) ?? "") → \(code)" }
    }

    static let id = "019ca8ba-0000-7000-8000-000000000001"
    static let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)

    static let cases: [Case] = [
        // Bodies.
        Case(body: "", status: 400, code: "INVALID_JSON"),
        Case(body: "{", status: 400, code: "INVALID_JSON"),
        Case(body: #"{"params":{},"params":{}}"#, status: 400, code: "INVALID_JSON"),
        Case(body: "{\"params\":{\"a\":\(deep)}}", status: 400, code: "INVALID_JSON"),
        Case(body: #"{"params":{"n":1e999}}"#, status: 400, code: "INVALID_JSON"),
        Case(body: "[]", status: 400, code: "VALIDATION_FAILED", pointers: [""]),
        Case(body: "{}", status: 400, code: "VALIDATION_FAILED", pointers: ["/params"]),
        Case(body: #"{"params":[]}"#, status: 400, code: "VALIDATION_FAILED", pointers: ["/params"]),
        Case(body: #"{"params":{},"prams":1}"#, status: 400, code: "VALIDATION_FAILED", pointers: ["/prams"]),
        Case(
            body:
                #"{"params":null,"kind":"","queue":"a b","priority":1e9,"run_at":"soon","max_attempts":0,"tags":[1]}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/params", "/kind", "/kind", "/queue", "/priority", "/run_at", "/max_attempts", "/tags/0"]
        ),
        Case(
            body: #"{"params":{},"card_id":"x"}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/card_id", "/card_id"]
        ),
        Case(
            body: #"{"params":{},"run_at":"2030-01-01T00:00:00Z","delay_ms":5}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/delay_ms"]
        ),
        Case(
            body: #"{"params":{},"callback_url":"ftp://x/y"}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/callback_url"]
        ),
        Case(body: "{\"params\":{},\"card_id\":\"\(id)\"}", status: 404, code: "CARD_NOT_FOUND"),
        Case(
            body: "{\"params\":{\"a\":\"" + String(repeating: "x", count: 2 << 20) + "\"}}",
            status: 413,
            code: "PAYLOAD_TOO_LARGE"
        ),
        // Bodies of routes that take none.
        Case(
            path: "/api/queues/q/pause",
            body: #"{"until":1}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/until"]
        ),
        Case(path: "/api/queues/q/pause", body: "[]", status: 400, code: "VALIDATION_FAILED", pointers: [""]),
        Case(path: "/api/queues/q/pause", body: "{", status: 400, code: "INVALID_JSON"),
        Case(
            path: "/api/queues/q/pause",
            body: "{}",
            headers: [("Content-Type", "text/plain")],
            status: 415,
            code: "UNSUPPORTED_MEDIA_TYPE"
        ),
        Case(
            path: "/api/queues/q/pause",
            body: "{" + String(repeating: " ", count: 2 << 10) + "}",
            status: 413,
            code: "PAYLOAD_TOO_LARGE"
        ),
        // Headers.
        Case(
            body: #"{"params":{}}"#,
            headers: [("Content-Type", "text/plain")],
            status: 415,
            code: "UNSUPPORTED_MEDIA_TYPE"
        ),
        Case(
            body: #"{"params":{}}"#,
            headers: [("Content-Type", "application/json; charset=latin1")],
            status: 415,
            code: "UNSUPPORTED_MEDIA_TYPE"
        ),
        Case(body: #"{"params":{}}"#, headers: [("Accept", "text/html")], status: 406, code: "NOT_ACCEPTABLE"),
        Case(
            body: #"{"params":{}}"#,
            headers: [("Idempotency-Key", String(repeating: "k", count: 256))],
            status: 400,
            code: "VALIDATION_FAILED"
        ),
        // Paths and methods.
        Case(method: "GET", path: "/api/nothing", status: 404, code: "ROUTE_NOT_FOUND"),
        Case(method: "GET", path: "/api/jobs/not-an-id", status: 404, code: "JOB_NOT_FOUND"),
        Case(method: "GET", path: "/api/jobs/\(id)", status: 404, code: "JOB_NOT_FOUND"),
        Case(path: "/api/jobs/\(id)/cancel", status: 404, code: "JOB_NOT_FOUND"),
        Case(method: "PUT", path: "/api/jobs", body: "{}", status: 405, code: "METHOD_NOT_ALLOWED"),
        Case(method: "GET", path: "/api/jobs?limit=0", status: 400, code: "VALIDATION_FAILED", pointers: ["?limit"]),
        Case(
            method: "GET",
            path: "/api/jobs?limit=1&limit=2",
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["?limit"]
        ),
        Case(
            method: "GET",
            path: "/api/jobs?cursor=abc",
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["?cursor"]
        ),
        Case(
            method: "GET",
            path: "/api/jobs?status=done",
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["?status"]
        ),
        Case(
            method: "GET",
            path: "/api/jobs?statuss=queued",
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["?statuss"]
        ),
        Case(
            method: "GET",
            path: "/api/jobs?created_after=yesterday",
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["?created_after"]
        ),
        Case(method: "GET", path: "/api/results/zz", status: 404, code: "RESULT_NOT_FOUND"),
        Case(
            method: "GET",
            path: "/api/results/" + String(repeating: "ab", count: 32),
            status: 404,
            code: "RESULT_NOT_FOUND"
        ),
        // Tokens.
        Case(body: #"{"params":{}}"#, token: nil, status: 401, code: "UNAUTHENTICATED"),
        Case(body: #"{"params":{}}"#, token: "wrong", status: 401, code: "UNAUTHENTICATED"),
        Case(body: #"{"params":{}}"#, token: "mk_wrong", status: 401, code: "UNAUTHENTICATED"),
        Case(
            body: #"{"params":{}}"#,
            headers: [("Authorization", "Basic eDp5")],
            token: nil,
            status: 401,
            code: "UNAUTHENTICATED"
        ),
        Case(
            body: #"{"params":{}}"#,
            token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
            status: 401,
            code: "UNAUTHENTICATED"
        ),
        // Workers.
        Case(
            path: "/api/workers",
            body: #"{"name":"w","kinds":[]}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/kinds"]
        ),
        Case(path: "/api/workers/\(id)/acquire", body: "{}", status: 404, code: "WORKER_NOT_FOUND"),
        Case(
            path: "/api/workers/\(id)/complete",
            body: #"{"items":[]}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/items"]
        ),
        Case(
            path: "/api/workers/\(id)/complete",
            body: #"{"items":[{"job_id":"x","fence":-1}]}"#,
            status: 400,
            code: "VALIDATION_FAILED",
            pointers: ["/items/0/job_id", "/items/0/job_id", "/items/0/fence"]
        ),
    ]

    @Test func `every case is refused as the contract says, and nothing is stored`() async throws {
        try await JobQueueFixture.run { fixture in
            for test in BadInputTests.cases {
                let answer = try await fixture.send(
                    test.method,
                    test.path,
                    test.body,
                    headers: test.headers,
                    token: test.token
                )
                #expect(answer.status == test.status, "\(test.testDescription): \(answer.response.text)")
                #expect(answer.code == test.code, "\(test.testDescription): \(answer.response.text)")
                #expect(answer.json["error"]?["request_id"]?.string?.isEmpty == false)
                #expect(answer.json["error"]?["retryable"]?.bool == false)
                if let pointers = test.pointers { #expect(answer.pointers == pointers, "\(test.testDescription)") }
            }
            #expect(try await fixture.pool.query("SELECT count(*) FROM jobs.jobs")[0].decode(0, as: Int.self) == 0)
            #expect(try await fixture.pool.query("SELECT count(*) FROM shared.events")[0].decode(0, as: Int.self) == 0)
        }
    }

    @Test func `problem details come to those who ask for them`() async throws {
        try await JobQueueFixture.run { fixture in
            let answer = try await fixture.send(
                "GET",
                "/api/jobs/\(BadInputTests.id)",
                headers: [("Accept", "application/problem+json"), ("X-Request-ID", "mine-1")]
            )
            #expect(answer.response.headers["Content-Type"] == "application/problem+json")
            #expect(answer.json["code"]?.string == "JOB_NOT_FOUND")
            #expect(answer.json["status"]?.int == 404)
            #expect(answer.json["request_id"]?.string == "mine-1")
            #expect(answer.response.headers["X-Request-ID"] == "mine-1")
        }
    }

    @Test func `a key does what its scopes say, and sees its project only`() async throws {
        try await JobQueueFixture.run { fixture in
            let project = "019ca8ba-0000-7000-8000-00000000000a"
            let made = try await fixture.send(
                "POST",
                "/api/keys",
                "{\"name\":\"ci\",\"scopes\":[\"jobs:submit\",\"jobs:read\"],\"project_id\":\"\(project)\"}"
            )
            let token = try #require(made.json["token"]?.string)
            let key = try #require(made.json["key"]?["key_id"]?.string)
            let foreign = try await fixture.submit()
            let own = try await fixture.send("POST", "/api/jobs", #"{"params":{}}"#, token: token)
            #expect(own.status == 201)
            #expect(own.json["project_id"]?.string == project)
            #expect(try await fixture.send("GET", "/api/jobs/\(foreign)", token: token).code == "JOB_NOT_FOUND")
            #expect(
                try await fixture.send("GET", "/api/jobs", token: token).json["items"]?.elements.map { $0 }.count == 1
            )
            #expect(
                try await fixture.send("GET", "/api/jobs?project_id=\(BadInputTests.id)", token: token).code
                    == "PROJECT_NOT_FOUND"
            )
            #expect(try await fixture.send("POST", "/api/jobs/\(foreign)/cancel", token: token).code == "FORBIDDEN")
            #expect(try await fixture.send("GET", "/api/keys", token: token).code == "FORBIDDEN")
            #expect(try await fixture.send("DELETE", "/api/keys/\(key)").status == 204)
            #expect(try await fixture.send("DELETE", "/api/keys/\(key)").status == 404)
            let stored = try await fixture.pool.query(
                "SELECT count(*) FROM shared.api_keys WHERE token_hash = \(SHA256.hash(Array(token.utf8)))"
            )
            #expect(try stored[0].decode(0, as: Int.self) == 1)
            #expect(try await APIKeyStore(fixture.pool).find(token: token) == nil)
        }
    }

    @Test func `with the database away the service says 503 at once, and recovers by itself`() async throws {
        try await JobQueueFixture.run(["DATABASE_POOL_SIZE": "2"]) { fixture in
            let id = try await fixture.submit()
            try await TestPostgres.setAway(true, fixture.database)
            for path in ["/api/jobs/\(id)", "/api/jobs", "/health"] {
                let answer = try await fixture.send("GET", path)
                #expect(answer.status == 503)
                if path != "/health" { #expect(answer.json["error"]?["retryable"]?.bool == true) }
            }
            #expect(try await fixture.send("POST", "/api/jobs", #"{"params":{}}"#).status == 503)
            try await TestPostgres.setAway(false, fixture.database)
            try await eventually { try await fixture.send("GET", "/api/jobs/\(id)").status == 200 }
        }
    }
}
