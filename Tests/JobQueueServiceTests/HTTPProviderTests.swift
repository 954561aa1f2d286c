import Concurrency
import Contracts
import Crypto
import FoundationEssentials
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// Jobs done by an outside service, which is real enough here to fail, to dawdle and to lie.
@Suite(.timeLimit(.minutes(1))) struct HTTPProviderTests {
    private static let secret = "a secret of some length"

    /// A job queue that knows one service, at `url`.
    private func run(
        _ url: String,
        waiting: String? = nil,
        result: String = #"{"pointer":"/output","form":"url","media_types":["image/png"],"maximum_bytes":100000}"#,
        allowsPrivate: Bool = true,
        environment: [String: String] = [:],
        _ body: @escaping @Sendable (JobQueueFixture) async throws -> Void
    ) async throws {
        let poll = #"{"url":"\#(url)/jobs/{id}","headers":{"Authorization":"Bearer key"},"interval_ms":10,"cap_ms":50}"#
        let text = """
            {"providers":[{"name":"acme","kind":"picture","summary":"pictures",
              "params":{"type":"object","properties":{"prompt":{"type":"string"},"size":{"type":"integer"},
                "style":{"type":"string"}},"required":["prompt"],"additionalProperties":false},
              "allow_private_addresses":\(allowsPrivate),
              "create":{"url":"\(url)/jobs","headers":{"Authorization":"Bearer key"},"id":"/data/id",
                "body":{"prompt":"{prompt}","size":"{size}","style":"{style}","note":"for {job_id}"}},
              "cancel":{"method":"DELETE","url":"\(url)/jobs/{id}"},
              "status":{"pointer":"/status","done":["succeeded"],"failed":["failed"],"error":"/error"},
              "progress":{"pointer":"/percent","total":100},
              "result":\(result),
              \(waiting ?? "\"poll\":\(poll)")}]}
            """
        let file = "/tmp/martlet-tests-\(IdentifierSource().uuid()).json"
        try Data(text.utf8).write(to: URL(filePath: file))
        defer { do { try FileManager.default.removeItem(atPath: file) } catch { Issue.record(error) } }
        try await JobQueueFixture.run(environment.merging(["HTTP_PROVIDERS_FILE": file]) { $1 }, body)
    }

    private static let webhook = #""webhook":{"secret":"a secret of some length","id":"/id"}"#

    private static func submission(_ more: String = "") -> String {
        #"{"kind":"picture","params":{"prompt":"a \"bird\"","size":7}\#(more)}"#
    }

    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47]

    private static func created(_ id: String = "x1") -> Response {
        HTTPProviderServer.json(#"{"data":{"id":"\#(id)"},"status":"queued"}"#, .created)
    }

    /// The answer of a service whose jobs are done at the third look.
    private static func diligent(_ asked: HTTPProviderServer.Asked, _ times: Int, _ file: String) -> Response {
        switch (asked.method, asked.path) {
        case ("POST", "/jobs"): created()
        case ("GET", "/jobs/x1") where times < 3: HTTPProviderServer.json(#"{"status":"working","percent":40}"#)
        case ("GET", "/jobs/x1"): HTTPProviderServer.json(#"{"status":"succeeded","output":"\#(file)"}"#)
        case ("GET", "/files/a"): Response(.ok, type: "image/png; q=1", png)
        default: Response(.notFound)
        }
    }

    /// A service whose result is at an address of its own, which it learns when it runs.
    private func withServer(
        _ answer: @escaping @Sendable (HTTPProviderServer.Asked, Int, String) -> Response,
        _ body: @escaping @Sendable (HTTPProviderServer) async throws -> Void
    ) async throws {
        let address = Address()
        try await HTTPProviderServer.run({ answer($0, $1, address.text) }) { server in
            address.text = server.url + "/files/a"
            try await body(server)
        }
    }

    private final class Address: Sendable {
        private let value = Lock("")
        var text: String {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    @Test func `creates, polls and brings the result home`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url) { fixture in
                let id = try await fixture.submit(HTTPProviderTests.submission())
                let job = try await fixture.finished(id)
                #expect(job["status"]?.string == "completed")
                let file = try await fixture.file(try #require(job["result_url"]?.string))
                #expect(file.body == HTTPProviderTests.png)
                #expect(file.headers["Content-Type"] == "image/png")
                #expect(job["result"]?["bytes"]?.int == 4)
                let create = try #require(server.asked.first)
                #expect(create.headers["Idempotency-Key"] == "\(id):1")
                #expect(create.headers["Authorization"] == "Bearer key")
                #expect(create.body == #"{"prompt":"a \"bird\"","size":7,"note":"for \#(id)"}"#)
                // The result's address may be anybody's: it gets no credentials.
                #expect(server.asked.last?.path == "/files/a")
                #expect(server.asked.last?.headers["Authorization"] == nil)
                #expect(server.count("POST") == 1)
            }
        }
    }

    @Test func `faults of the service pass, and Retry-After is kept`() async throws {
        try await withServer { asked, times, file in
            switch (asked.method, times) {
            case ("GET", 1) where asked.path == "/jobs/x1": Response(.internalServerError)
            case ("GET", 2) where asked.path == "/jobs/x1":
                HTTPProviderServer.json("{}", .tooManyRequests, ["Retry-After": "1"])
            default: HTTPProviderTests.diligent(asked, times, file)
            }
        } _: { server in
            try await run(server.url) { fixture in
                let start = ContinuousClock.now
                let job = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                #expect(job["status"]?.string == "completed")
                #expect(job["attempt"]?.int == 1)
                #expect(.now - start >= .seconds(1))
            }
        }
    }

    @Test func `a creation that failed for now is tried again with the same key, one refused is not`() async throws {
        try await withServer { asked, times, file in
            if asked.method == "POST", asked.body.contains("bad") { return Response(.badRequest) }
            if asked.method == "POST", times == 1 { return Response(.serviceUnavailable) }
            return HTTPProviderTests.diligent(asked, times, file)
        } _: { server in
            try await run(server.url) { fixture in
                let job = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                #expect(job["status"]?.string == "completed")
                #expect(job["attempt"]?.int == 2)
                let keys = server.asked.filter { $0.method == "POST" }.map { $0.headers["Idempotency-Key"] }
                #expect(keys.count == 2 && keys[0] == keys[1])
                let bad = try await fixture.finished(
                    try await fixture.submit(#"{"kind":"picture","params":{"prompt":"bad"}}"#)
                )
                #expect(bad["error_code"]?.string == "PROVIDER_REFUSED")
                #expect(bad["attempt"]?.int == 1)
            }
        }
    }

    @Test func `work that the service gave up on is created anew, with a new key`() async throws {
        try await withServer { asked, times, file in
            switch (asked.method, asked.path) {
            case ("POST", _):
                HTTPProviderTests.created(asked.headers["Idempotency-Key"]?.hasSuffix(":1") == true ? "x0" : "x1")
            case ("GET", "/jobs/x0"): HTTPProviderServer.json(#"{"status":"failed","error":"out of paint"}"#)
            default: HTTPProviderTests.diligent(asked, times, file)
            }
        } _: { server in
            try await run(server.url) { fixture in
                let once = try await fixture.finished(
                    try await fixture.submit(HTTPProviderTests.submission(#","max_attempts":1"#))
                )
                #expect(once["error_code"]?.string == "PROVIDER_FAILED")
                #expect(once["error_message"]?.string == "out of paint")
                let twice = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                #expect(twice["status"]?.string == "completed")
                #expect(twice["attempt"]?.int == 2)
            }
        }
    }

    @Test func `the next attempt goes on polling what an interrupted one created`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url) { fixture in
                // What an attempt leaves that died after its creation was stored.
                let id = try await fixture.submit(
                    #"{"kind":"picture","params":{"prompt":"p"},"run_at":"2999-01-01T00:00:00Z"}"#
                )
                let state = RawJSON(#"{"round":1,"id":"x1"}"#)
                _ = try await fixture.pool.atomically([
                    "UPDATE jobs.jobs SET provider_state = \(state) WHERE id = \(id)",
                    "UPDATE jobs.scheduled SET run_at = now() WHERE job_id = \(id)",
                ])
                let job = try await fixture.finished(id)
                #expect(job["status"]?.string == "completed")
                #expect(server.count("POST") == 0)
            }
        }
    }

    @Test func `cancelling a job calls the outside work off`() async throws {
        try await withServer { asked, times, _ in
            switch asked.method {
            case "POST": HTTPProviderTests.created()
            case "DELETE": Response(.noContent)
            default: HTTPProviderServer.json(#"{"status":"working"}"#)
            }
        } _: { server in
            try await run(server.url, environment: ["LEASE_MS": "3000"]) { fixture in
                let id = try await fixture.submit(HTTPProviderTests.submission())
                try await eventually { try await fixture.job(id)["phase"]?.string == "awaiting_provider" }
                #expect(try await fixture.send("POST", "/api/jobs/\(id)/cancel").status == 200)
                try await eventually { server.count("DELETE") != 0 }
                #expect(server.asked.last { $0.method == "DELETE" }?.path == "/jobs/x1")
                #expect(try await fixture.job(id)["status"]?.string == "cancelled")
            }
        }
    }

    @Test func `results of a wrong type or size, garbage and redirects end the attempt, not the service`() async throws
    {
        try await withServer { asked, times, file in
            switch (asked.method, asked.path) {
            case ("POST", _):
                return HTTPProviderTests.created(
                    asked.body.split(separator: "\"").dropFirst(3).first.map(String.init) ?? ""
                )
            case ("GET", "/jobs/garbage"): return HTTPProviderServer.json("{]")
            case ("GET", "/jobs/huge-answer"):
                return HTTPProviderServer.json(#"{"status":"\#(String(repeating: "x", count: 2 << 20))"}"#)
            case ("GET", "/jobs/redirect"): return Response(.found, headers: ["Location": file])
            case ("GET", "/files/a"): return Response(.ok, type: "text/html", HTTPProviderTests.png)
            case ("GET", "/files/big"): return Response(.ok, type: "image/png", [UInt8](repeating: 0, count: 200_000))
            case ("GET", "/jobs/gone"): return Response(.notFound)
            case ("GET", "/jobs/big"):
                return HTTPProviderServer.json(#"{"status":"succeeded","output":"\#(file.dropLast())big"}"#)
            case ("GET", "/jobs/file"):
                return HTTPProviderServer.json(#"{"status":"succeeded","output":"file:///etc/passwd"}"#)
            default: return HTTPProviderServer.json(#"{"status":"succeeded","output":"\#(file)"}"#)
            }
        } _: { server in
            try await run(server.url) { fixture in
                for (prompt, code) in [
                    ("garbage", "PROVIDER_BAD_ANSWER"), ("huge-answer", "PROVIDER_BAD_ANSWER"),
                    ("redirect", "PROVIDER_REFUSED"), ("html", "PROVIDER_BAD_RESULT"), ("big", "RESULT_TOO_LARGE"),
                    ("gone", "PROVIDER_LOST_JOB"), ("file", "PROVIDER_MISCONFIGURED"),
                ] {
                    let body = #"{"kind":"picture","params":{"prompt":"\#(prompt)"},"max_attempts":1}"#
                    let job = try await fixture.finished(try await fixture.submit(body))
                    #expect(job["error_code"]?.string == code, "\(prompt)")
                }
            }
        }
    }

    @Test func `private addresses are refused unless the file allows them`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url, allowsPrivate: false) { fixture in
                let job = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                #expect(job["error_code"]?.string == "PROVIDER_MISCONFIGURED")
                #expect(server.asked.isEmpty)
            }
        }
    }

    @Test(arguments: [(#""iVBORw==""#, "base64", "image/png"), (#"{"a":[1]}"#, "json", "application/json")])
    func `results may stand in the answer itself`(value: String, form: String, type: String) async throws {
        try await HTTPProviderServer.run { asked, _ in
            asked.method == "POST"
                ? HTTPProviderTests.created() : HTTPProviderServer.json(#"{"status":"succeeded","output":\#(value)}"#)
        } _: { server in
            let result = #"{"pointer":"/output","form":"\#(form)","media_types":["\#(type)"]}"#
            try await run(server.url, result: result) { fixture in
                let job = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                let file = try await fixture.file(try #require(job["result_url"]?.string))
                #expect(file.headers["Content-Type"] == type)
                #expect(file.body == (form == "json" ? Array(value.utf8) : HTTPProviderTests.png))
            }
        }
    }

    // MARK: Webhooks

    private func signature(_ body: String, secret: String = HTTPProviderTests.secret, late: Int64 = 0) -> String {
        let time = WallClock.system.now().microseconds / 1_000_000 - late
        let message = CallbackHeader.signedBytes(time: time, body: Array(body.utf8))
        return "t=\(time),v1=\(Hex.encode(HMAC.sha256(key: Array(secret.utf8), message: message)))"
    }

    private func call(_ fixture: JobQueueFixture, _ body: String, _ signature: String?) async throws -> Int {
        let headers = signature.map { [(CallbackHeader.signature, $0)] } ?? []
        return try await fixture.send("POST", "/api/providers/acme/webhook", body, headers: headers, token: nil).status
    }

    @Test func `a signed webhook ends the job; duplicates and later ones change nothing`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url, waiting: HTTPProviderTests.webhook) { fixture in
                let id = try await fixture.submit(HTTPProviderTests.submission())
                try await eventually { try await fixture.job(id)["phase"]?.string == "awaiting_provider" }
                let running = #"{"id":"x1","status":"working","percent":30}"#
                #expect(try await call(fixture, running, signature(running)) == 204)
                try await eventually { try await fixture.job(id)["progress"]?["fraction"]?.double == 0.3 }
                let done = #"{"id":"x1","status":"succeeded","output":"\#(server.url)/files/a"}"#
                for _ in 1...3 { #expect(try await call(fixture, done, signature(done)) == 204) }
                let late = #"{"id":"x1","status":"failed","error":"too late"}"#
                #expect(try await call(fixture, late, signature(late)) == 204)
                let job = try await fixture.finished(id)
                #expect(job["status"]?.string == "completed")
                #expect(try await fixture.history(id).isGapless)
            }
        }
    }

    @Test func `a webhook without a right and fresh signature changes nothing`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url, waiting: HTTPProviderTests.webhook) { fixture in
                let body = #"{"id":"x1","status":"failed","error":"forged"}"#
                let good = signature(body)
                #expect(try await call(fixture, body, nil) == 401)
                #expect(try await call(fixture, body, "t=1,v1=00") == 401)
                #expect(try await call(fixture, body, signature(body, secret: "another")) == 401)
                #expect(try await call(fixture, body, signature(body, late: 301)) == 401)
                #expect(try await call(fixture, body, signature(body, late: -400)) == 401)
                #expect(try await call(fixture, body + " ", good) == 401)
                let stored: Int = try #require(
                    try await fixture.pool.query("SELECT count(*) FROM jobs.provider_webhooks").first
                )
                .decode(0)
                #expect(stored == 0)
                #expect(try await call(fixture, "{]", signature("{]")) == 400)
                #expect(try await call(fixture, "{}", signature("{}")) == 400)
                let nowhere = try await fixture.send("POST", "/api/providers/none/webhook", body, token: nil)
                #expect(nowhere.status == 404)
            }
        }
    }

    @Test func `a webhook that comes before the creation's answer, or at another replica, is not lost`() async throws {
        try await withServer(HTTPProviderTests.diligent) { server in
            try await run(server.url, waiting: HTTPProviderTests.webhook) { fixture in
                let done = #"{"id":"x1","status":"succeeded","output":"\#(server.url)/files/a"}"#
                #expect(try await call(fixture, done, signature(done)) == 204)
                let early = try await fixture.finished(try await fixture.submit(HTTPProviderTests.submission()))
                #expect(early["status"]?.string == "completed")
                // Another replica shares only the database.
                _ = try await fixture.pool.execute("DELETE FROM jobs.provider_webhooks")
                let id = try await fixture.submit(HTTPProviderTests.submission())
                try await eventually { try await fixture.job(id)["phase"]?.string == "awaiting_provider" }
                try await WebhookInbox(fixture.pool)
                    .store(RawJSON(done), isFinal: true, provider: "acme", externalID: "x1")
                #expect(try await fixture.finished(id)["status"]?.string == "completed")
            }
        }
    }
}
