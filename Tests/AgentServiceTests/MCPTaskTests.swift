import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Store
import TestSupport
import Testing

@testable import AgentService

/// The tasks extension: a job is the task.
@Suite(.timeLimit(.minutes(2))) struct MCPTaskTests {
    private static let declared = #"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#

    /// Runs `body` with a card, a job of it that stands in the queue, and a job queue that answers submissions with it.
    private static func run(
        status: Int = 201,
        _ body: @escaping @Sendable (AgentFixture, ScriptedJobQueue, CardID, ProjectID, JobID) async throws -> Void
    ) async throws {
        let job = IdentifierSource().next() as JobID
        try await ScriptedJobQueue.run(status, #"{"job_id":"\#(job)","status":"queued"}"#) { queue, url in
            try await AgentFixture.run(["JOB_QUEUE_URL": url, "JOB_QUEUE_TOKEN": "agent-token"]) { fixture in
                let (project, card) = try await fixture.card()
                try await fixture.pool.execute(
                    """
                    INSERT INTO jobs.jobs (
                        id, project_id, card_id, kind, queue, status, phase, seq, max_attempts, priority, run_at,
                        timeout_ms, params, metadata, tags, submitted_by, created_at
                    )
                    VALUES (
                        \(job), \(project), \(card), 'image', 'default', 'queued', 'waiting', 1, 3, 0, now(), 1000,
                        '{}', '{}', '{}', 'test', now()
                    )
                    """
                )
                try await body(fixture, queue, card, project, job)
            }
        }
    }

    private static func task(
        _ fixture: AgentFixture,
        _ method: String,
        _ id: String,
        token: String = "dev-token"
    ) async throws -> JSONElement {
        try await fixture.mcp("tasks/\(method)", #""taskId":"\#(id)""#, capabilities: declared, token: token).json
    }

    /// The job has ended so, and the log says it.
    private static func end(_ fixture: AgentFixture, _ job: JobID, as status: String, error: String? = nil) async throws
    {
        try await fixture.pool.execute(
            """
            UPDATE jobs.jobs SET status = \(status), phase = 'finished', seq = 2, completed_at = now(),
                error_code = \(error), error_message = \(error)
            WHERE id = \(job)
            """
        )
    }

    @Test func `who takes tasks is answered with one when a tool starts a job, and others with the job`() async throws {
        try await MCPTaskTests.run { fixture, _, card, _, job in
            let discovered = try await fixture.mcp("server/discover").json["result"]
            #expect(discovered?["capabilities"]?["extensions"]?["io.modelcontextprotocol/tasks"] != nil)
            let call = #""name":"submit_job","arguments":{"id":"\#(card)","kind":"image"}"#
            let begun = try await fixture.mcp("tools/call", call, capabilities: MCPTaskTests.declared).json["result"]
            #expect(begun?["resultType"]?.string == "task")
            #expect(begun?["taskId"]?.string == job.description && begun?["status"]?.string == "working")
            #expect(begun?["ttlMs"]?.isNull == true && (begun?["pollIntervalMs"]?.int ?? 0) > 0)
            #expect(begun?["createdAt"]?.string?.isEmpty == false && begun?["lastUpdatedAt"] != nil)
            #expect(begun?["content"] == nil)
            // A tool that starts none answers as ever.
            let read = #""name":"list_projects","arguments":{}"#
            let plain = try await fixture.mcp("tools/call", read, capabilities: MCPTaskTests.declared).json["result"]
            #expect(plain?["resultType"]?.string == "complete" && plain?["content"] != nil)
            let other = try await fixture.mcp("tools/call", call).json["result"]
            #expect(other?["resultType"]?.string == "complete")
            #expect(other?["structuredContent"]?["job_id"]?.string == job.description)
        }
    }

    @Test func `a task is what its job is, to the end`() async throws {
        for (ended, status, isError) in [("completed", "completed", false), ("failed", "completed", true)] {
            try await MCPTaskTests.run { fixture, _, _, _, job in
                let working = try await MCPTaskTests.task(fixture, "get", job.description)["result"]
                #expect(working?["resultType"]?.string == "complete" && working?["status"]?.string == "working")
                #expect(working?["result"] == nil)
                try await MCPTaskTests.end(fixture, job, as: ended, error: isError ? "GPU_ON_FIRE" : nil)
                let done = try await MCPTaskTests.task(fixture, "get", job.description)["result"]
                #expect(done?["status"]?.string == status && done?["pollIntervalMs"] == nil)
                #expect(done?["result"]?["isError"]?.bool == isError)
                #expect(done?["result"]?["structuredContent"]?["status"]?.string == ended)
                #expect(done?["result"]?["content"]?.elements.first { _ in true }?["type"]?.string == "text")
                if isError { #expect(done?["statusMessage"]?.string == "GPU_ON_FIRE") }
            }
        }
        try await MCPTaskTests.run { fixture, _, _, _, job in
            try await MCPTaskTests.end(fixture, job, as: "cancelled")
            let done = try await MCPTaskTests.task(fixture, "get", job.description)["result"]
            #expect(done?["status"]?.string == "cancelled" && done?["result"] == nil)
        }
    }

    @Test func `calling a task off asks the job queue, and needs the scope for it`() async throws {
        for status in [200, 409] {
            try await MCPTaskTests.run(status: status) { fixture, queue, _, _, job in
                let submitter = try await fixture.token([.mcp, .jobsSubmit])
                let refused = try await MCPTaskTests.task(fixture, "cancel", job.description, token: submitter)
                #expect(refused["error"]?["data"]?["code"]?.string == "FORBIDDEN" && queue.seen.isEmpty)
                let answer = try await MCPTaskTests.task(fixture, "cancel", job.description)
                #expect(answer["result"]?["resultType"]?.string == "complete")
                #expect(queue.seen.map(\.path) == ["/api/jobs/\(job)/cancel"])
                #expect(queue.seen.first?.token == "Bearer agent-token")
                let updated = try await MCPTaskTests.task(fixture, "update", job.description)
                #expect(updated["result"]?["resultType"]?.string == "complete" && queue.seen.count == 1)
            }
        }
    }

    @Test func `a task is nobody's who may not see its job, and nothing to who has not declared tasks`() async throws {
        try await MCPTaskTests.run { fixture, _, _, _, job in
            let elsewhere = try await fixture.token([.mcp, .jobsRead], project: try await fixture.project())
            let reader = try await fixture.token([.mcp, .projectsRead])
            for (id, token) in [
                (job.description, elsewhere), (job.description, reader), ("nonsense", "dev-token"),
                (IdentifierSource().uuid().description, "dev-token"),
            ] {
                for method in ["get", "update", "cancel"] {
                    let error = try await MCPTaskTests.task(fixture, method, id, token: token)["error"]
                    #expect(error?["code"]?.int == -32602, "\(method) \(id)")
                }
            }
            let undeclared = try await fixture.mcp("tasks/get", #""taskId":"\#(job)""#)
            #expect(undeclared.status == 400 && undeclared.json["error"]?["code"]?.int == -32021)
            let required = undeclared.json["error"]?["data"]?["requiredCapabilities"]?["extensions"]
            #expect(required?["io.modelcontextprotocol/tasks"] != nil)
            let listened = try await fixture.mcp("subscriptions/listen", #""notifications":{"taskIds":[]}"#)
            #expect(listened.json["error"]?["code"]?.int == -32021)
            let other = try await fixture.mcp(
                "tasks/get",
                #""taskId":"\#(job)""#,
                capabilities: MCPTaskTests.declared
            ) { $0.removeAll { $0.0 == "Mcp-Name" } }
            #expect(other.json["error"]?["code"]?.int == -32020)
            let session = try await fixture.session()
            let old = try await fixture.legacy(
                #"{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"\#(job)"}}"#,
                session: session
            )
            #expect(old.json["error"]?["code"]?.int == -32601)
        }
    }

    @Test func `who listens to a task is told how it stands, and of each change`() async throws {
        try await MCPTaskTests.run { fixture, _, card, project, job in
            let asked = #""notifications":{"taskIds":["\#(job)","\#(IdentifierSource().uuid())"]}"#
            try await fixture.listen(asked, token: "dev-token", capabilities: MCPTaskTests.declared) { stream in
                let first = try await stream.next()
                #expect(first["params"]?["notifications"]?.text == #"{"taskIds":["\#(job)"]}"#)
                let now = try await stream.next()
                #expect(now["method"]?.string == "notifications/tasks")
                #expect(now["params"]?["status"]?.string == "working")
                try await MCPTaskTests.end(fixture, job, as: "completed")
                let facts = #""type":"job.status.updated","job_id":"\#(job)","seq":2,"status":"completed""#
                let body = RawJSON(#"{"event_id":"\#(job):2",\#(facts)}"#)
                try await fixture.pool.execute(
                    """
                    INSERT INTO shared.events (event_id, type, subject, seq, project_id, card_id, body)
                    VALUES (\("\(job):2"), 'job.status.updated', \(job.uuid), 2, \(project), \(card), \(body))
                    """
                )
                // Whoever appends to the log says so.
                _ = try await fixture.project()
                let then = try await stream.next()
                #expect(then["params"]?["taskId"]?.string == job.description)
                #expect(then["params"]?["status"]?.string == "completed")
                #expect(then["params"]?["result"]?["structuredContent"]?["status"]?.string == "completed")
                #expect(then["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"]?.int == 7)
            }
        }
    }
}
