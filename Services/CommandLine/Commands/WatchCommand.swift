import Contracts
import Kernel

/// `martlet watch`: jobs until they have ended, or contexts until Ctrl-C.
struct WatchCommand: Command {
    static let syntax = CommandSyntax(
        "watch",
        "ID|CONTEXT…",
        "Shows live what happens: to a job until it has ended, to a card, project or queue until Ctrl-C.\n"
            + "A CONTEXT is card:ID, job:ID, project:ID, queue:NAME or all; a bare ID is a job's, else a card's.",
        operands: 1...50
    )
    let contexts: [String]

    init(_ arguments: ParsedArguments) throws {
        contexts = arguments.operands
        for text in contexts where ContextID(text) == nil { throw UsageError("\(text) is not an id or a context") }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for context in contexts { group.addTask { try await watch(context, session) } }
            var worst = ExitStatus.success
            for try await status in group where status != .success { worst = status }
            return worst
        }
    }

    private func watch(_ text: String, _ session: Session) async throws -> ExitStatus {
        if let id = try await job(text, session) { return try await JobWatch(session: session, job: id).run() }
        let live = LiveUpdates(services: session.services, context: PercentEncoding.encode(text))
        try await live.follow { news in
            switch news {
            case .connected: break
            case .job(let update):
                session.console.line(session.writesJSON ? update.text : "\(update.jobID)  \(update.line)")
            case .other(let event): session.console.line(event.text)
            }
            return true
        }
        return .success
    }

    /// The job that is meant, if it is one.
    private func job(_ text: String, _ session: Session) async throws -> String? {
        if text.hasPrefix("job:") { return String(text.dropFirst(4)) }
        guard let id = JobID(text) else { return nil }
        do {
            _ = try await session.services.call("GET", session.jobQueue, "/api/jobs/\(id)")
            return text
        } catch let failure as CommandFailure where failure.status == .notFound {
            return nil
        }
    }
}
