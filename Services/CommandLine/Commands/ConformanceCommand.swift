import HTTPServer
import JSON
import Kernel
import Settings

/// `martlet conformance worker`: whether a worker, in whatever language, keeps the worker protocol.
struct ConformanceCommand: Command {
    static let syntax = CommandSyntax(
        "conformance",
        "worker",
        "Runs a worker against the job queue through a proxy that loses answers, and says line by line whether it keeps\n"
            + "the protocol of docs/worker-protocol.md. The command is told where to work by JOB_QUEUE_URL, MARTLET_TOKEN and\n"
            + "WORKER_KINDS (one kind), and must do the jobs that the page describes.",
        operands: 1...1,
        options: [
            .value("command", "COMMAND", "what starts the worker, as a shell reads it"),
            .value("only", "WORDS", "only checks whose names have these words"),
        ]
    )
    let command: String
    let only: String?

    init(_ arguments: ParsedArguments) throws {
        guard arguments.operands == ["worker"] else { throw UsageError("only workers can be checked") }
        guard let command = arguments.value("command") else { throw UsageError("--command is missing") }
        self.command = command
        only = arguments.value("only")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let proxy = WorkerProxy(session.services, upstream: session.jobQueue)
        let server = proxy.server()
        let address = try await server.start()
        var environment = Environment.current()
        environment["JOB_QUEUE_URL"] = "http://127.0.0.1:\(address.port)"
        if let token = session.services.endpoints.token(for: session.jobQueue) {
            environment["MARTLET_TOKEN"] = token.reveal()
        }
        let bench = WorkerBench(
            session,
            proxy,
            command: command,
            folder: environment["PWD"] ?? "/",
            environment: environment
        )
        var failures = 0
        var count = 0
        for (index, check) in WorkerCheck.all.enumerated() {
            guard index == 0 || only.map({ check.name.contains($0) }) != false else { continue }
            count += 1
            if try await !passes(check, bench, session) { failures += 1 }
            // Without a session there is nothing to look at.
            if index == 0, failures > 0 { break }
        }
        await bench.stopWorker()
        await server.stop(grace: .seconds(1))
        if !session.writesJSON { session.console.line("\(count - failures) of \(count) checks passed") }
        return failures == 0 ? .success : .failure
    }

    private func passes(_ check: WorkerCheck, _ bench: WorkerBench, _ session: Session) async throws -> Bool {
        _ = bench.worker()
        var violation: String?
        do {
            try await check.run(bench)
        } catch let error as WorkerBench.Violation {
            violation = error.description
        }
        if session.writesJSON {
            let line = JSONWriter.bytes { json in
                json.object {
                    $0.member("check", check.name)
                    $0.member("passed", violation == nil)
                    $0.member("violation", violation)
                }
            }
            session.console.line(String(decoding: line, as: UTF8.self))
        } else if let violation {
            session.console.line("FAIL  \(check.name)\n      \(violation)")
            for line in bench.lines.suffix(5) { session.console.line("      | \(ProgressBar.printable(line))") }
        } else {
            session.console.line("ok    \(check.name)")
        }
        return violation == nil
    }
}
