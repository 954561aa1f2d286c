import Testing

@testable import MartletCommand

/// What the commands write, and how they end.
@Suite(.timeLimit(.minutes(1))) struct CommandTests {
    static let id = "01890000-0000-7000-8000-000000000001"

    static func job(_ status: String, seq: Int, more: String = "") -> String {
        #"{"job_id":"\#(id)","kind":"speech","status":"\#(status)","seq":\#(seq),"timestamp":"2026-03-01T09:30:00.125Z"\#(more)}"#
    }

    static func event(_ cursor: String, _ job: String) -> String {
        "id: \(cursor)\ndata: {\"type\":\"job_update\",\"context_id\":\"x\",\"data\":\(job)}\n\n"
    }

    @Test func `submit prints the id and sends a key`() async throws {
        let (outcome, services) = try await ScriptedServices.run(
            ["submit", "--kind", "speech", "--param", "text=hi"],
            answers: ["POST /api/jobs": .init(status: 201, body: CommandTests.job("queued", seq: 1))]
        )
        #expect(outcome.status == .success)
        #expect(outcome.output == "\(CommandTests.id)\n")
        #expect(services.requests == [#"POST /api/jobs Bearer dev-token {"kind":"speech","params":{"text":"hi"}}"#])
    }

    @Test func `watch goes on after a lost connection with its cursor, and shows nothing twice`() async throws {
        let (outcome, services) = try await ScriptedServices.run(
            ["watch", "job:\(CommandTests.id)"],
            answers: ["GET /api/jobs/\(CommandTests.id)": .init(body: CommandTests.job("queued", seq: 1))],
            streams: [
                CommandTests.event("c1", CommandTests.job("queued", seq: 1))
                    + CommandTests.event(
                        "c2",
                        CommandTests.job(
                            "processing",
                            seq: 2,
                            more: #","progress":{"fraction":0.5,"message":"half\u001b[2J"}"#
                        )
                    ),
                CommandTests.event(
                    "c2",
                    CommandTests.job(
                        "processing",
                        seq: 2,
                        more: #","progress":{"fraction":0.5,"message":"half\u001b[2J"}"#
                    )
                )
                    + CommandTests.event(
                        "c3",
                        CommandTests.job("completed", seq: 3, more: #","result_url":"/api/results/ab""#)
                    ),
            ]
        )
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                09:30:00.125  speech      queued    
                09:30:00.125  speech      processing  50 %  half [2J
                09:30:00.125  speech      completed   /api/results/ab

                """
        )
        let streams = services.requests.filter { $0.contains("/sse") }
        #expect(streams.count == 2)
        #expect(streams.last?.contains(" c2 ") == true)
    }

    @Test(arguments: [
        ("failed", MartletCommand.ExitStatus.failure), ("expired", .failure), ("cancelled", .failure),
        ("completed", .success),
    ])
    func `the status of a job that has ended is the program's`(status: String, expected: MartletCommand.ExitStatus)
        async throws
    {
        let (outcome, _) = try await ScriptedServices.run(
            ["watch", CommandTests.id, "--json"],
            answers: ["GET /api/jobs/\(CommandTests.id)": .init(body: CommandTests.job(status, seq: 3))]
        )
        #expect(outcome.status == expected)
        #expect(outcome.output == CommandTests.job(status, seq: 3) + "\n")
    }

    @Test(arguments: [
        (401, MartletCommand.ExitStatus.refused), (403, .refused), (404, .notFound), (409, .failure), (400, .failure),
        (500, .unreachable),
    ])
    func `refusals end the program each in its way`(status: Int, expected: MartletCommand.ExitStatus) async throws {
        let body =
            #"{"error":{"code":"SOME_CODE","message":"some reason","details":{"errors":[{"pointer":"/params/x","message":"is wrong"}]}}}"#
        let (outcome, _) = try await ScriptedServices.run(
            ["get", CommandTests.id],
            answers: ["GET /api/jobs/\(CommandTests.id)": .init(status: status, body: body)]
        )
        #expect(outcome.status == expected)
        #expect(outcome.output == "")
        #expect(outcome.remarks == "martlet: some reason (SOME_CODE)\n  /params/x is wrong\n")
    }

    @Test func `a service that is away is told, with what to do`() async {
        let outcome = await ScriptedServices.run(
            ["get", CommandTests.id],
            environment: ["JOB_QUEUE_URL": "http://127.0.0.1:1"]
        )
        #expect(outcome.status == .unreachable)
        #expect(outcome.remarks.contains("http://127.0.0.1:1 is not reachable"))
        #expect(outcome.remarks.contains("martlet doctor"))
    }

    @Test func `mistakes of usage end with status 2 and the way to help`() async {
        let cases = [[], ["submitt"], ["get"], ["get", "x"], ["list", "--limit", "0"], ["keys", "create", "x"]]
        for arguments in cases {
            let outcome = await ScriptedServices.run(arguments, environment: [:])
            #expect(outcome.status == .usage, "\(arguments)")
            #expect(outcome.remarks.contains("usage: martlet"), "\(arguments)")
            #expect(outcome.remarks.contains("--help"), "\(arguments)")
            #expect(outcome.output == "", "\(arguments)")
        }
        #expect(await ScriptedServices.run(["submitt"], environment: [:]).remarks.contains("did you mean submit?"))
    }

    @Test func `help of every command names the command`() async {
        for command in Martlet.commands {
            let outcome = await ScriptedServices.run([command.syntax.name, "--help"], environment: [:])
            #expect(outcome.status == .success)
            #expect(outcome.output.hasPrefix("usage: martlet \(command.syntax.name)"))
        }
    }

    @Test func `doctor says what to do about each`() async throws {
        let (outcome, _) = try await ScriptedServices.run(
            ["doctor"],
            answers: [
                "GET /health": .init(
                    body:
                        #"{"status":"degraded","version":"0.1.0","checks":{"database":{"status":"healthy"},"message_broker":{"status":"degraded","message":"connecting"},"vacuum":{"status":"healthy","message":"session 7 holds back vacuum","advice":"end it"}}}"#
                ),
                "GET /api/jobs": .init(
                    status: 401,
                    body: #"{"error":{"code":"UNAUTHENTICATED","message":"the token is not known"}}"#
                ),
            ],
            token: "wrong"
        )
        #expect(outcome.status == .failure)
        #expect(outcome.output.contains("warn  agent "))
        #expect(outcome.output.contains("version 0.1.0"))
        #expect(outcome.output.contains("degraded: connecting"))
        #expect(outcome.output.contains("warn  job queue vacuum  session 7 holds back vacuum → end it\n"))
        #expect(outcome.output.contains("fail  token "))
        #expect(outcome.output.contains("martlet keys create"))
        let missing = DoctorCommand.programs { _ in nil }
        #expect(missing.allSatisfy { $0.grade == .warn && $0.advice?.hasPrefix("apt install ") == true })
    }

    @Test func `why says each reason with what is expected`() async throws {
        let (outcome, _) = try await ScriptedServices.run(
            ["why", CommandTests.id],
            answers: [
                "GET /api/jobs/\(CommandTests.id)/why": .init(
                    body:
                        #"{"code":"IN_LINE","reasons":[{"code":"IN_LINE","message":"3 jobs are before it","eta":"2026-03-01T09:30:00.000Z"},{"code":"PAUSED","message":"by\u001b[2J ada","eta":null}]}"#
                )
            ]
        )
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                IN_LINE       3 jobs are before it; expected at 2026-03-01T09:30:00.000Z
                PAUSED        by [2J ada

                """
        )
    }

    @Test func `filters of a list are put into the query`() async throws {
        let (outcome, services) = try await ScriptedServices.run(
            ["list", "--status", "queued,failed", "--tag", "a b&c", "--card", CommandTests.id, "--json"],
            answers: ["GET /api/jobs": .init(body: #"{"items":[{"job_id":"x"},{"job_id":"y"}],"next_cursor":null}"#)]
        )
        #expect(outcome.output == "{\"job_id\":\"x\"}\n{\"job_id\":\"y\"}\n")
        #expect(
            services.requests.first?
                .hasPrefix(
                    "GET /api/jobs?limit=20&status=queued%2Cfailed&card_id=\(CommandTests.id)&tag=a%20b%26c "
                ) == true
        )
    }
}
