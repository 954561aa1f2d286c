import Contracts
import JSON

/// `martlet cancel`: a job is to end.
struct CancelCommand: Command {
    static let syntax = CommandSyntax(
        "cancel",
        "JOB_ID",
        "Cancels a job; a running one is told to stop.",
        operands: 1...1
    )
    let id: JobID

    init(_ arguments: ParsedArguments) throws { id = try JobID(argument: arguments.operands[0]) }

    func run(_ session: Session) async throws -> ExitStatus {
        try await session.act("cancel", on: id)
        return .success
    }
}

/// `martlet retry`: an ended job once more.
struct RetryCommand: Command {
    static let syntax = CommandSyntax(
        "retry",
        "JOB_ID",
        "Submits an ended job once more, as a new one that names the old.",
        operands: 1...1,
        options: [.flag("watch", "show what happens until the job has ended")]
    )
    let id: JobID
    let watches: Bool

    init(_ arguments: ParsedArguments) throws {
        id = try JobID(argument: arguments.operands[0])
        watches = arguments.has("watch")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let job = try await session.act("retry", on: id)
        guard watches, let update = JobUpdate(job) else { return .success }
        return try await JobWatch(session: session, job: update.jobID).run()
    }
}

/// `martlet events`: what happened to a job.
struct EventsCommand: Command {
    static let syntax = CommandSyntax(
        "events",
        "JOB_ID",
        "Shows what happened to a job.",
        operands: 1...1,
        options: [.value("after", "SEQ", "only what came after this number")]
    )
    let id: JobID
    let after: Int

    init(_ arguments: ParsedArguments) throws {
        id = try JobID(argument: arguments.operands[0])
        after = try arguments.int("after", in: 0...Int(Int32.max)) ?? 0
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let path = "/api/jobs/\(id)/events?limit=200&after=\(after)"
        let answer = try await session.services.call("GET", session.jobQueue, path)
        for event in answer["items"]?.elements.map({ $0 }) ?? [] {
            if session.writesJSON {
                session.console.line(event.text)
            } else if let update = JobUpdate(event) {
                session.console.line("\("\(update.seq)".padded(to: 4))\(update.line)")
            }
        }
        return .success
    }
}

extension Session {
    /// Does something to a job, and shows the job that answers.
    @discardableResult
    func act(_ verb: String, on id: JobID) async throws -> JSONElement {
        let key = ServiceClient.newKey()
        let job = try await services.call("POST", jobQueue, "/api/jobs/\(id)/\(verb)", key: key)
        if writesJSON {
            console.line(job.text)
        } else if let update = JobUpdate(job) {
            console.line("\(update.jobID)  \(update.line)")
        }
        return job
    }
}
