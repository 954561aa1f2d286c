import Contracts
import HTTPClient
import JSON
import Kernel
import Testing

@testable import AgentService

/// Submissions through a card.
@Suite(.timeLimit(.minutes(2))) struct CardJobTests {
    @Test func `a submission carries the card, its params under the given ones, and a key`() async throws {
        try await ScriptedJobQueue.run(201, #"{"job_id":"j","status":"queued"}"#) { queue, url in
            try await AgentFixture.run(["JOB_QUEUE_URL": url]) { fixture in
                let (_, card) = try await fixture.card()
                _ = try await fixture.send("PATCH", "/api/cards/\(card)", #"{"params":{"a":1,"b":{"x":1}}}"#)
                let body = #"{"kind":"image","params":{"b":2,"c":null},"priority":5}"#
                let answer = try await fixture.send("POST", "/api/cards/\(card)/jobs", body)
                #expect(answer.status == 201)
                #expect(answer.json["job_id"]?.string == "j")
                let sent = try #require(queue.seen.first)
                #expect(queue.seen.count == 1)
                #expect(sent.token == "Bearer dev-token")
                #expect(
                    sent.body
                        == #"{"card_id":"\#(card)","params":{"a":1,"b":2,"c":null},"kind":"image","priority":5}"#
                )
                #expect(sent.key?.isEmpty == false)
            }
        }
    }

    @Test func `the caller's key is the same again, and another caller's is another`() async throws {
        try await ScriptedJobQueue.run(201, "{}") { queue, url in
            try await AgentFixture.run(["JOB_QUEUE_URL": url]) { fixture in
                let (_, card) = try await fixture.card()
                let path = "/api/cards/\(card)/jobs"
                let key = try await fixture.send("POST", "/api/keys", #"{"name":"k","scopes":["jobs:submit"]}"#)
                let token = try #require(key.json["token"]?.string)
                for token in ["dev-token", "dev-token", token] {
                    let long = String(repeating: "k", count: 255)
                    let answer = try await fixture.send(
                        "POST",
                        path,
                        "{}",
                        headers: [("Idempotency-Key", long)],
                        token: token
                    )
                    #expect(answer.status == 201)
                }
                let keys = queue.seen.map { $0.key ?? "" }
                #expect(keys.count == 3)
                #expect(keys[0] == keys[1])
                #expect(keys[0] != keys[2])
                #expect(keys.allSatisfy { (1...255).contains($0.utf8.count) })
            }
        }
    }

    @Test(arguments: [
        (400, "VALIDATION_FAILED", 400, "VALIDATION_FAILED"),
        (422, "IDEMPOTENCY_KEY_REUSED", 422, "IDEMPOTENCY_KEY_REUSED"),
        (401, "UNAUTHENTICATED", 502, "UPSTREAM_FAILED"), (403, "FORBIDDEN", 502, "UPSTREAM_FAILED"),
        (500, "INTERNAL_ERROR", 502, "UPSTREAM_FAILED"),
    ])
    func `refusals of the request are passed on, faults are not`(
        status: Int,
        code: String,
        expected: Int,
        expectedCode: String
    ) async throws {
        let answer =
            #"{"error":{"code":"\#(code)","message":"told by the queue","details":{"errors":[{"pointer":"/params/x","message":"m"}]},"retryable":false}}"#
        try await ScriptedJobQueue.run(status, answer) { _, url in
            try await AgentFixture.run(["JOB_QUEUE_URL": url]) { fixture in
                let (_, card) = try await fixture.card()
                let answer = try await fixture.send("POST", "/api/cards/\(card)/jobs", #"{"params":{"x":1}}"#)
                #expect(answer.status == expected)
                #expect(answer.code == expectedCode)
                #expect(answer.pointers == (expected == 502 ? [] : ["/params/x"]))
                #expect(answer.response.text.contains("told by the queue") == (expected != 502))
            }
        }
    }

    @Test func `a job queue that is away is 503, and health says so`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let answer = try await fixture.send("POST", "/api/cards/\(card)/jobs", "{}")
            #expect(answer.status == 503)
            #expect(answer.response.headers["Retry-After"] == "2")
            let health = try await fixture.send("GET", "/health", token: nil)
            #expect(health.status == 200)
            #expect(health.json["status"]?.string == "degraded")
            #expect(health.json["checks"]?["job_queue"]?["status"]?.string == "unhealthy")
            #expect(health.json["checks"]?["mcp_server"]?["status"]?.string == "not_configured")
            #expect(health.json["checks"]?["database"]?["status"]?.string == "healthy")
        }
    }

    @Test func `the card of the path cannot be replaced, and an unknown one is not found`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let other = try await fixture.send("POST", "/api/cards/\(card)/jobs", #"{"card_id":"\#(card)"}"#)
            #expect(other.pointers == ["/card_id"])
            let missing: CardID = IdentifierSource().next()
            let answer = try await fixture.send("POST", "/api/cards/\(missing)/jobs", "{}")
            #expect(answer.code == "CARD_NOT_FOUND")
        }
    }
}
