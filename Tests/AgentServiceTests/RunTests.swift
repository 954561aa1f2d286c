import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import LanguageModels
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import AgentService

/// Runs of agents on a real database, with a model that says what the test wants.
@Suite(.timeLimit(.minutes(1))) struct RunTests {
    private let environment = ["AGENT_MODEL": "script/model"]

    @Test func `a message is answered, and all that happened is on record`() async throws {
        let model = ScriptedModel { _, _ in .says("Good morning.") }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let thread = try await agent.thread()
            let id = try await agent.say("Good morning!", in: thread, #""instructions":"Be kind.""#)
            let run = try await agent.ended(id)
            #expect(run["status"]?.string == "completed" && run["answer"]?.string == "Good morning.")
            #expect(run["usage"]?["turns"]?.int == 1 && run["usage"]?["input_tokens"]?.int == 100)
            let asked = try #require(model.asked.first)
            #expect(
                asked.instructions?.hasPrefix("Be kind.") == true && asked.messages.map(\.text) == ["Good morning!"]
            )
            let steps = try await agent.steps(id)
            #expect(steps.map { $0["kind"]?.string } == ["message", "model"])
            #expect(steps.last?["detail"]?["answered_by"]?.string == "script-1")
            // The next message is said in the same conversation.
            _ = try await agent.ended(try await agent.say("And now?", in: thread))
            #expect(model.asked.last?.messages.map(\.text) == ["Good morning!", "Good morning.", "And now?"])
            let said = try await agent.send("GET", "/api/threads/\(thread)/messages").json["items"]
            #expect(said?.elements.map { $0["role"]?.string } == ["user", "assistant", "user", "assistant"])
            let lease = try await agent.send("GET", "/api/threads/\(thread)").json["lease"]
            #expect(lease?.isNull == true)
        }
    }

    @Test func `tools act in the name of who asked, each call once, and their results go back to the model`()
        async throws
    {
        let project = Lock<ProjectID?>(nil)
        let model = ScriptedModel { turn, request in
            guard turn == 1 else { return .says("Planned: \(request.results.map(\.isError))") }
            let id = project.withLock { $0 }.map(\.description) ?? ""
            return .calls(
                ("get_project", #"{"id":"\#(id)"}"#),
                ("create_activity", #"{"id":"\#(id)","title":"Larks","task_type":"image","cards":[]}"#),
                ("create_activity", #"{"id":"\#(id)"}"#),
                ("no_such_tool", "{}")
            )
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let made = try await agent.project()
            project.withLock { $0 = made }
            let run = try await agent.ended(try await agent.say("Plan it.", #""approval":"irreversible""#))
            #expect(run["answer"]?.string == "Planned: [false, false, true, true]")
            let results = try #require(model.asked.last).results
            #expect(results.map(\.callID) == (0..<4).map { "call_\($0)" })
            #expect(results[0].text.contains("A project") && results[2].text.contains("VALIDATION_FAILED"))
            #expect(results[3].text.contains("UNKNOWN_TOOL"))
            let activities = try await agent.send("GET", "/api/projects/\(made)/activities").json["items"]
            #expect(activities?.elements.map { $0["title"]?.string } == ["Larks"])
            let calls = try await agent.send("GET", "/api/tool-calls").json["items"]
            #expect(calls?.elements.map { $0["source"]?.string } == ["run", "run", "run"])
        }
    }

    @Test func `a limit ends in one last answer without tools`() async throws {
        let model = ScriptedModel { _, request in
            request.choice == .none ? .says("As far as I got.") : .calls(("list_projects", "{}"))
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            for (limits, limit, turns) in [
                (#"{"turns":3}"#, "turns", 3), (#"{"tool_calls":2}"#, "tool_calls", 3),
            ] {
                let run = try await agent.ended(try await agent.say("Go on.", #""limits":\#(limits)"#))
                #expect(run["status"]?.string == "completed" && run["answer"]?.string == "As far as I got.")
                #expect(run["limit_reached"]?.string == limit && run["usage"]?["turns"]?.int == turns)
            }
        }
    }

    @Test func `tokens are set aside before they are used, and never exceeded`() async throws {
        // It would use up all that it is allowed, every time.
        let model = ScriptedModel { _, request in
            let output = request.maximumOutputTokens ?? 0
            if request.choice == .none { return .says("The end.", output: output) }
            var reply = ModelReply.calls(("list_projects", "{}"))
            reply.usage = ModelUsage(inputTokens: 500, outputTokens: output)
            return reply
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let settings = #""tools":["list_projects"],"limits":{"tokens":12000,"answer_tokens":1000}"#
            let run = try await agent.ended(try await agent.say("Go on.", settings))
            #expect(run["limit_reached"]?.string == "tokens" && run["answer"]?.string == "The end.")
            let usage = run["usage"]
            let used = (usage?["input_tokens"]?.int ?? 0) + (usage?["output_tokens"]?.int ?? 0)
            #expect(used > 1_000 && used <= 12_000)
            let none = try await agent.ended(try await agent.say("Go on.", #""limits":{"tokens":20}"#))
            #expect(none["status"]?.string == "completed" && none["usage"]?["turns"]?.int == 0)
            #expect(none["limit_reached"]?.string == "tokens")
        }
    }

    @Test func `an answer in JSON fits its schema, is mended once, or is an error`() async throws {
        let schema = #""output_schema":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}"#
        let model = ScriptedModel { turn, _ in turn == 2 ? .says(#"{"n":7}"#) : .says("seven") }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let mended = try await agent.ended(try await agent.say("How many?", schema))
            #expect(mended["answer"]?.string == #"{"n":7}"#)
            #expect(model.asked.last?.instructions?.contains("was not accepted") == true)
            let failed = try await agent.ended(try await agent.say("How many?", schema))
            #expect(failed["status"]?.string == "failed" && failed["error_code"]?.string == "OUTPUT_INVALID")
        }
    }

    @Test func `a model that fails is tried again by its own time, or never`() async throws {
        let model = ScriptedModel { turn, request in
            guard request.messages.last?.text == "Try." else {
                throw ModelFailure(.unauthenticated, "the key is refused", isRetryable: false)
            }
            guard turn > 2 else {
                throw ModelFailure(.rateLimited, "later", isRetryable: true, retryAfter: .milliseconds(20))
            }
            return .says("At last.")
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let id = try await agent.say("Try.")
            #expect(try await agent.ended(id)["answer"]?.string == "At last.")
            let steps = try await agent.steps(id)
            #expect(steps.map { $0["status"]?.string } == ["done", "failed", "failed", "done"])
            #expect(steps[1]["error_code"]?.string == "MODEL_RATE_LIMITED")
            let refused = try await agent.ended(try await agent.say("No."))
            #expect(refused["status"]?.string == "failed")
            #expect(refused["error_code"]?.string == "MODEL_UNAUTHENTICATED")
        }
    }

    @Test func `a run ends when somebody wishes it, also in the middle of an answer`() async throws {
        let begun = Promise<Void>()
        let model = ScriptedModel { _, _ in
            begun.succeed(())
            // Nobody ever fulfils it: only a cancellation ends this.
            try await Promise<Void>().value()
            return .says("Too late.")
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let id = try await agent.say("Take your time.")
            try await begun.value()
            let answer = try await agent.send("POST", "/api/runs/\(id)/cancel")
            #expect(answer.status == 200)
            #expect(try await agent.ended(id)["status"]?.string == "cancelled")
        }
    }

    @Test func `a task that is given away has a thread and a budget of its own, and its answer comes back`()
        async throws
    {
        let model = ScriptedModel { _, request in
            if request.messages.first?.text == "Count the larks." { return .says("There are three.") }
            guard let result = request.results.first else {
                return .calls(("delegate", #"{"task":"Count the larks.","tools":[],"turns":2}"#))
            }
            return .says("I was told: \(result.text)")
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let id = try await agent.say("How many?", #""limits":{"tokens":100000}"#)
            let run = try await agent.ended(id)
            #expect(run["answer"]?.string?.contains("There are three.") == true)
            // What the other used counts here too.
            #expect(run["usage"]?["input_tokens"]?.int == 300)
            let runs = try await agent.send("GET", "/api/runs").json["items"]?.elements.map { $0 } ?? []
            let child = try #require(runs.first { $0.value("parent_run_id")?.string == id.description })
            #expect(child["settings"]?["limits"]?["turns"]?.int == 2)
            #expect(child["settings"]?["limits"]?["tokens"]?.int == 100_000 - 110)
            #expect(child["thread_id"]?.string != run["thread_id"]?.string)
        }
    }

    @Test func `what a run has started ends with it, and its own time with a last answer`() async throws {
        let model = ScriptedModel { _, request in
            if request.messages.first?.text == "Count for ever." { try await Promise<Void>().value() }
            if request.choice == .none { return .says("I waited in vain.") }
            return .calls(("delegate", #"{"task":"Count for ever."}"#))
        }
        let environment = environment.merging(["AGENT_RUN_LEASE_MS": "1000"]) { $1 }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let id = try await agent.say("How many?", #""limits":{"wall_ms":1500}"#)
            let run = try await agent.ended(id)
            #expect(run["answer"]?.string == "I waited in vain." && run["limit_reached"]?.string == "wall_time")
            try await eventually("the other run is over") {
                let runs = try await agent.send("GET", "/api/runs").json["items"]?.elements.map { $0 } ?? []
                return runs.count == 2 && runs.allSatisfy { $0.value("ended_at") != nil }
            }
        }
    }

    @Test func `runs of a thread wait for one another`() async throws {
        let gate = Promise<Void>()
        let model = ScriptedModel { turn, request in
            if turn == 1 { try await gate.value() }
            return .says("\(request.messages.last?.text ?? "") done")
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let thread = try await agent.thread()
            let first = try await agent.say("One", in: thread)
            let second = try await agent.say("Two", in: thread)
            _ = try await agent.run(first, is: [.running])
            #expect(try await agent.send("GET", "/api/runs/\(second)").json["status"]?.string == "queued")
            gate.succeed(())
            #expect(try await agent.ended(second)["answer"]?.string == "Two done")
            #expect(model.asked.last?.messages.map(\.text) == ["One", "One done", "Two"])
        }
    }

    @Test func `a thread that somebody else drives is left alone until they give it back`() async throws {
        let model = ScriptedModel { _, _ in .says("Mine.") }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let thread = try await agent.thread()
            let lease = try await agent.send("POST", "/api/threads/\(thread)/lease", "{}").json
            let fence = try #require(lease["fence"]?.int)
            let id = try await agent.say("Hello?", in: thread)
            let other = try await agent.ended(try await agent.say("Hello?"))
            #expect(other["answer"]?.string == "Mine.")
            #expect(try await agent.send("GET", "/api/runs/\(id)").json["status"]?.string == "queued")
            _ = try await agent.send("DELETE", "/api/threads/\(thread)/lease?fence=\(fence)")
            #expect(try await agent.ended(id)["answer"]?.string == "Mine.")
        }
    }

    @Test func `what cannot be done is said at once`() async throws {
        let model = ScriptedModel { _, _ in .says("") }
        try await AgentFixture.run(environment, models: model.catalog(ModelFacts())) { agent in
            let thread = try await agent.thread()
            for (body, pointer) in [
                (#"{"content":"x","model":"none/such"}"#, "/model"),
                (#"{"content":"x","limits":{"cost_micros":5}}"#, "/limits/cost_micros"),
                (#"{"content":"x","output_schema":{"type":"nothing"}}"#, "/output_schema/type"),
                (#"{"content":""}"#, "/content"), (#"{"content":"x","limits":{"turns":0}}"#, "/limits/turns"),
            ] {
                let answer = try await agent.send("POST", "/api/threads/\(thread)/messages", body)
                #expect(answer.status == 400 && answer.pointers == [pointer], "\(body) \(answer.response.text)")
            }
            let id = IdentifierSource().uuid()
            for path in ["/api/runs/\(id)", "/api/runs/\(id)/steps", "/api/runs/\(id)/events"] {
                #expect(try await agent.send("GET", path).code == "RUN_NOT_FOUND")
            }
            #expect(try await agent.send("POST", "/api/runs/\(id)/cancel").code == "RUN_NOT_FOUND")
        }
    }

    @Test func `a run ends with the key in whose name it acts`() async throws {
        let (begun, gate) = (Promise<Void>(), Promise<Void>())
        let model = ScriptedModel { turn, _ in
            if turn > 1 { return .says("Still here.") }
            begun.succeed(())
            try await gate.value()
            return .calls(("list_projects", "{}"))
        }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let body = #"{"name":"k","scopes":["projects:read","projects:write"]}"#
            let key = try await agent.send("POST", "/api/keys", body).json
            let token = try #require(key["token"]?.string)
            let id = try #require(key["key"]?["key_id"]?.string)
            let thread = try await agent.thread()
            let path = "/api/threads/\(thread)/messages"
            let run = try await agent.send("POST", path, #"{"content":"Hello"}"#, token: token).json
            try await begun.value()
            #expect(try await agent.send("DELETE", "/api/keys/\(id)").status == 204)
            gate.succeed(())
            let ended = try await agent.ended(try #require(run["run_id"]?.string.flatMap { RunID($0) }))
            #expect(ended["error_code"]?.string == "PRINCIPAL_REVOKED" && model.asked.count == 1)
        }
    }

    @Test func `a run is one trace, from the message to what it called`() async throws {
        let model = ScriptedModel { turn, _ in turn == 1 ? .calls(("list_projects", "{}")) : .says("None.") }
        let tracer = Tracer(capacity: 100, metrics: Metrics())
        try await AgentFixture.run(environment, models: model.catalog(), tracer: tracer) { agent in
            let thread = try await agent.thread()
            let caller = TraceContext.root()
            let answer = try await agent.send(
                "POST",
                "/api/threads/\(thread)/messages",
                #"{"content":"Hello"}"#,
                headers: [("traceparent", caller.traceparent)]
            )
            _ = try await agent.ended(try #require(answer.json["run_id"]?.string.flatMap { RunID($0) }))
            var spans: [Span] = []
            try await eventually("the run's span is there") {
                spans += try await tracer.take(atMost: 100, patience: .milliseconds(10))
                return spans.contains { $0.name == "invoke_agent" }
            }
            let ours = spans.filter { !$0.name.contains("/") }
            #expect(
                ours.map(\.name).sorted() == ["chat model", "chat model", "execute_tool list_projects", "invoke_agent"]
            )
            #expect(ours.allSatisfy { $0.context.traceID == caller.traceID })
            let whole = try #require(ours.first { $0.name == "invoke_agent" })
            #expect(ours.allSatisfy { $0.name == whole.name || $0.parent == whole.context.spanID })
            let chat = try #require(ours.first { $0.name == "chat model" })
            #expect(chat.attributes.contains { $0.name == "gen_ai.usage.input_tokens" && $0.value == "100" })
        }
    }

    @Test func `a thread goes with its runs`() async throws {
        let model = ScriptedModel { _, _ in .says("Bye.") }
        try await AgentFixture.run(environment, models: model.catalog()) { agent in
            let thread = try await agent.thread()
            let id = try await agent.say("Hello.", in: thread)
            _ = try await agent.ended(id)
            #expect(try await agent.send("DELETE", "/api/threads/\(thread)").status == 204)
            #expect(try await agent.send("GET", "/api/runs/\(id)").status == 404)
            let left: Int? = try await agent.pool.query("SELECT count(*) FROM agent.run_steps").first?.decode(0)
            #expect(left == 0)
        }
    }
}
