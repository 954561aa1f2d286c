import Contracts
import JSON

/// `martlet why`: what keeps a job, or what became of it.
struct WhyCommand: Command {
    static let syntax = CommandSyntax(
        "why",
        "JOB_ID",
        "Says why a job is not running now, or what became of it.",
        operands: 1...1
    )
    let id: JobID

    init(_ arguments: ParsedArguments) throws { id = try JobID(argument: arguments.operands[0]) }

    func run(_ session: Session) async throws -> ExitStatus {
        let answer = try await session.services.call("GET", session.jobQueue, "/api/jobs/\(id)/why")
        if session.writesJSON {
            session.console.line(answer.text)
            return .success
        }
        for reason in answer["reasons"]?.elements.map({ $0 }) ?? [] {
            let text = ProgressBar.printable(reason["message"]?.string ?? "")
            let eta = reason.value("eta")?.string.map { "; expected at \(ProgressBar.printable($0))" } ?? ""
            session.console.line("\((reason["code"]?.string ?? "?").padded(to: 12))  \(text)\(eta)")
        }
        return .success
    }
}
