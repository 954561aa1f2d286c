import Contracts
import JSON
import Kernel

/// `martlet ask`: says something to an agent, and shows what it says and does.
struct AskCommand: Command {
    static let syntax = CommandSyntax(
        "ask",
        "TEXT",
        "Says something to an agent and shows its answer while it comes.",
        operands: 1...1,
        options: [
            .value("thread", "ID", "a thread to go on with; a new one without it"),
            .value("project", "ID", "the project of a new thread"),
            .value("model", "NAME", "provider/model, as the agent service has them"),
            .value("instructions", "TEXT", "what the agent is and how it works"),
            .value("tool", "NAME", "a tool that it may call; all without one", repeatable: true),
            .value("approval", "RULE", "which calls somebody must allow: none, irreversible, write"),
            .flag("no-wait", "print the run's id and go"),
        ]
    )
    let body: [UInt8]
    let thread: ThreadID?
    let project: ProjectID?
    let waits: Bool

    init(_ arguments: ParsedArguments) throws {
        thread = try arguments.value("thread").map { try ThreadID(argument: $0) }
        project = try arguments.value("project").map { try ProjectID(argument: $0) }
        waits = !arguments.has("no-wait")
        body = JSONWriter.bytes { json in
            json.object { json in
                json.member("content", arguments.operands[0])
                for name in ["model", "instructions", "approval"] {
                    if let value = arguments.value(name) { json.member(name, value) }
                }
                let tools = arguments.all("tool")
                if !tools.isEmpty { json.member("tools", tools) }
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let thread = if let thread { thread.description } else { try await newThread(session) }
        let run = try await session.services.call(
            "POST",
            session.agent,
            "/api/threads/\(thread)/messages",
            body: body,
            key: ServiceClient.newKey()
        )
        guard let id = run["run_id"]?.string else {
            throw CommandFailure(.unreachable, "\(session.agent) does not answer as a Martlet service")
        }
        guard waits else {
            session.console.line(session.writesJSON ? run.text : id)
            return .success
        }
        let status = try await RunWatch(session: session, run: id).follow()
        if self.thread == nil, session.console.isTerminal { session.console.remark("To go on: --thread \(thread)") }
        return status
    }

    private func newThread(_ session: Session) async throws -> String {
        let body = JSONWriter.bytes { json in
            json.object { json in if let project { json.member("project_id", project) } }
        }
        let thread = try await session.services.call("POST", session.agent, "/api/threads", body: body)
        return thread["thread_id"]?.string ?? ""
    }
}
