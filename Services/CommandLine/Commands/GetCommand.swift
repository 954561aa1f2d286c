import Contracts
import JSON
import Kernel

/// `martlet get`: a job as it is.
struct GetCommand: Command {
    static let syntax = CommandSyntax("get", "JOB_ID", "Shows a job.", operands: 1...1)
    let id: JobID

    init(_ arguments: ParsedArguments) throws { id = try JobID(argument: arguments.operands[0]) }

    func run(_ session: Session) async throws -> ExitStatus {
        let job = try await session.services.call("GET", session.jobQueue, "/api/jobs/\(id)")
        session.show(job)
        return .success
    }
}

extension Session {
    /// Shows an object: as JSON, or its members one a line.
    func show(_ value: JSONElement) {
        if writesJSON { return console.line(value.text) }
        let members = value.members.filter { !$0.value.isNull && $0.value.text != "{}" && $0.value.text != "[]" }
        let width = members.map(\.name.count).max() ?? 0
        for member in members {
            let text = member.value.string.map(ProgressBar.printable) ?? member.value.text
            console.line("\(member.name.padded(to: width))  \(text)")
        }
    }
}

extension JSONElement {
    /// The value as text.
    var text: String { String(decoding: raw.bytes, as: UTF8.self) }
}
