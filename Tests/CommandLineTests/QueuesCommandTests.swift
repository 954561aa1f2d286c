import Testing

@testable import MartletCommand

/// `martlet queues`.
@Suite(.timeLimit(.minutes(1))) struct QueuesCommandTests {
    static let queue =
        #"{"name":"gpu\u001b[2J","paused":true,"concurrency":4,"per_key_concurrency":null,"rate":{"count":100,"per_ms":60000,"burst":100},"per_key_rate":null,"fair_share":true,"waiting":7,"leased":2}"#

    @Test func `list shows one a line, without control characters`() async throws {
        let (outcome, _) = try await ScriptedServices.run(
            ["queues", "list"],
            answers: ["GET /api/queues": .init(body: "{\"items\":[\(Self.queue)],\"next_cursor\":null}")]
        )
        #expect(
            outcome.output
                == "gpu [2J               paused  7 waiting  2 leased  4 at once  100 in 60000 ms  shared fairly\n"
        )
    }

    @Test func `set sends the limits that are named`() async throws {
        let (outcome, services) = try await ScriptedServices.run(
            [
                "queues", "set", "gpu", "--concurrency", "4", "--per-key", "2", "--rate", "100/60000",
                "--per-key-rate", "1/1000", "--weight", "2.5", "--share", "p=3", "--json",
            ],
            answers: ["PUT /api/queues/gpu": .init(body: #"{"name":"gpu"}"#)]
        )
        #expect(outcome.output == "{\"name\":\"gpu\"}\n")
        #expect(
            services.requests == [
                #"PUT /api/queues/gpu Bearer dev-token {"concurrency":4,"per_key_concurrency":2,"rate":{"count":100,"per_ms":60000},"per_key_rate":{"count":1,"per_ms":1000},"weight":2.5,"fair_share":true,"project_weights":{"p":3.0}}"#
            ]
        )
    }

    @Test(arguments: ["pause", "resume"]) func `verbs go to the queue`(verb: String) async throws {
        let (outcome, services) = try await ScriptedServices.run(
            ["queues", verb, "gpu"],
            answers: ["POST /api/queues/gpu/\(verb)": .init(body: Self.queue)]
        )
        #expect(outcome.status == .success)
        #expect(services.requests == ["POST /api/queues/gpu/\(verb) Bearer dev-token "])
    }

    @Test(arguments: [
        ["queues"], ["queues", "pause"], ["queues", "set", "gpu", "--rate", "5"],
        ["queues", "set", "gpu", "--weight", "0"], ["queues", "set", "gpu", "--share", "p"],
    ]) func `what makes no sense is refused before anything is sent`(words: [String]) async throws {
        let (outcome, services) = try await ScriptedServices.run(words, answers: [:])
        #expect(outcome.status == .usage)
        #expect(services.requests == [])
    }
}
