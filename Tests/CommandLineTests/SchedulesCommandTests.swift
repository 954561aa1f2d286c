import Testing

@testable import MartletCommand

/// `martlet schedules`.
@Suite(.timeLimit(.minutes(1))) struct SchedulesCommandTests {
    static let id = "01890000-0000-7000-8000-000000000001"
    static let cron =
        #"{"schedule_id":"\#(id)","cron":"0 9 * * mon","every_ms":null,"timezone":"Europe/Berlin","job":{"kind":"speech","params":{}},"name":"News\u001b[2J","next_at":"2026-03-02T08:00:00.000Z","last_error":null}"#
    static let every =
        #"{"schedule_id":"\#(id)","cron":null,"every_ms":60000,"timezone":"UTC","job":{"params":{}},"name":null,"next_at":null,"last_error":"no such card"}"#

    @Test func `add sends the rule and the job, prints the id and says when`() async throws {
        let (outcome, services) = try await ScriptedServices.run(
            [
                "schedules", "add", "--cron", "0 9 * * mon", "--timezone", "Europe/Berlin", "--kind", "speech",
                "--param", "text=hi", "--name", "News", "--missed", "run_once", "--paused", "--tag", "a", "--card",
                Self.id,
            ],
            answers: ["POST /api/schedules": .init(status: 201, body: Self.cron)]
        )
        #expect(outcome.status == .success)
        #expect(outcome.output == "\(Self.id)\n")
        #expect(outcome.remarks == "next at 2026-03-02T08:00:00.000Z\n")
        #expect(
            services.requests == [
                #"POST /api/schedules Bearer dev-token {"name":"News","cron":"0 9 * * mon","timezone":"Europe/Berlin","missed":"run_once","paused":true,"job":{"kind":"speech","params":{"text":"hi"},"tags":["a"],"card_id":"\#(Self.id)"}}"#
            ]
        )
    }

    @Test func `list shows one a line, all pages, without control characters`() async throws {
        let (outcome, _) = try await ScriptedServices.run(
            ["schedules", "list"],
            answers: [
                "GET /api/schedules": .init(body: "{\"items\":[\(Self.cron),\(Self.every)],\"next_cursor\":null}")
            ]
        )
        #expect(
            outcome.output == """
                \(Self.id)  2026-03-02T08:00:00.000Z  0 9 * * mon  Europe/Berlin  speech  News [2J
                \(Self.id)  paused                    every 60000 ms  generate  error: no such card

                """
        )
    }

    @Test(arguments: [
        (["pause"], "POST", "/pause", every, "", "paused\n"),
        (["resume"], "POST", "/resume", cron, "", "next at 2026-03-02T08:00:00.000Z\n"),
        (["fire"], "POST", "/fire", #"{"job_id":"j"}"#, "j\n", ""), (["rm"], "DELETE", "", "", "", "removed\n"),
        (["pause", "--json"], "POST", "/pause", #"{"paused":true}"#, "{\"paused\":true}\n", ""),
    ])
    func `verbs go to the schedule`(
        words: [String],
        method: String,
        path: String,
        answer: String,
        output: String,
        remarks: String
    ) async throws {
        let (outcome, services) = try await ScriptedServices.run(
            ["schedules", words[0], Self.id] + words.dropFirst(),
            answers: ["\(method) /api/schedules/{id}\(path)": .init(body: answer)]
        )
        #expect(outcome.status == .success)
        #expect(outcome.output == output)
        #expect(outcome.remarks == remarks)
        #expect(services.requests.count == 1)
    }

    @Test(arguments: [
        ["schedules"], ["schedules", "show"], ["schedules", "list", "x"], ["schedules", "rm"],
        ["schedules", "rm", "x"],
        ["schedules", "add"], ["schedules", "add", "--cron", "@daily", "--every", "1000"],
        ["schedules", "add", "--every", "999"], ["schedules", "add", "--every", "1000", "--params", "[]"],
    ])
    func `mistakes of usage are told before anything is sent`(arguments: [String]) async {
        let outcome = await ScriptedServices.run(arguments, environment: [:])
        #expect(outcome.status == .usage)
        #expect(outcome.remarks.contains("usage: martlet schedules"))
    }
}
