import Contracts
import JSON
import Kernel

/// `martlet approve`: allows a call that a run waits for.
struct ApproveCommand: Command {
    static let syntax = CommandSyntax(
        "approve",
        "RUN_ID CALL_ID",
        "Allows a call of a tool that a run of an agent waits for.",
        operands: 2...2
    )
    let decision: Decision

    init(_ arguments: ParsedArguments) throws { decision = try Decision("approve", arguments) }
    func run(_ session: Session) async throws -> ExitStatus { try await decision.send(session) }
}

/// `martlet deny`: denies it.
struct DenyCommand: Command {
    static let syntax = CommandSyntax(
        "deny",
        "RUN_ID CALL_ID",
        "Denies a call of a tool that a run of an agent waits for. The agent is told and goes on.",
        operands: 2...2,
        options: [.value("note", "TEXT", "what the agent is told")]
    )
    let decision: Decision

    init(_ arguments: ParsedArguments) throws { decision = try Decision("deny", arguments) }
    func run(_ session: Session) async throws -> ExitStatus { try await decision.send(session) }
}

/// What somebody decided about a call.
struct Decision: Sendable {
    let run: RunID
    let call: String
    let body: [UInt8]

    init(_ decision: String, _ arguments: ParsedArguments) throws {
        run = try RunID(argument: arguments.operands[0])
        call = arguments.operands[1]
        body = JSONWriter.bytes { json in
            json.object { json in
                json.member("decision", decision)
                if let note = arguments.value("note") { json.member("note", note) }
            }
        }
    }

    func send(_ session: Session) async throws -> ExitStatus {
        let path = "/api/runs/\(run)/approvals/\(PercentEncoding.encode(call))"
        session.show(try await session.services.call("POST", session.agent, path, body: body))
        return .success
    }
}
