import Contracts
import JSON
import Kernel

/// `martlet submit`: a new job.
struct SubmitCommand: Command {
    static let syntax = CommandSyntax(
        "submit",
        "",
        "Submits a job and prints its id.",
        options: JobArguments.options + [
            .value("delay", "MS", "not before so many milliseconds"),
            .value("key", "KEY", "Idempotency-Key: the same one makes no second job"),
            .flag("watch", "show what happens until the job has ended"),
        ]
    )
    let body: [UInt8]
    let card: CardID?
    let key: String?
    let watches: Bool

    init(_ arguments: ParsedArguments) throws {
        let job = try JobArguments(arguments)
        card = job.card
        key = arguments.value("key")
        watches = arguments.has("watch")
        let delay = try arguments.int("delay", in: 0...31_536_000_000)
        body = JSONWriter.bytes { json in
            json.object { json in
                job.writeMembers(to: &json)
                if let delay { json.member("delay_ms", delay) }
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let (base, path) = card.map { (session.agent, "/api/cards/\($0)/jobs") } ?? (session.jobQueue, "/api/jobs")
        let job = try await session.services.call("POST", base, path, body: body, key: key ?? ServiceClient.newKey())
        guard let id = job["job_id"]?.string else {
            throw CommandFailure(.unreachable, "\(base) does not answer as a Martlet service")
        }
        if !watches || session.writesJSON { session.console.line(session.writesJSON ? job.text : id) }
        guard watches else { return .success }
        return try await JobWatch(session: session, job: id).run()
    }
}
