import HTTPClient
import Kernel
import Lifecycle
import Telemetry

/// The command line as a whole: finds the command, runs it, and says how it ended.
struct Martlet: Sendable {
    static let commands: [any Command.Type] = [
        DemoCommand.self, SubmitCommand.self, WatchCommand.self, GetCommand.self, WhyCommand.self,
        ListCommand.self, CancelCommand.self, RetryCommand.self, EventsCommand.self, QueuesCommand.self,
        SchedulesCommand.self, AskCommand.self, ApproveCommand.self, DenyCommand.self, KeysCommand.self,
        DoctorCommand.self, ConformanceCommand.self,
    ]

    let endpoints: Endpoints
    let console: Console

    func run(_ arguments: [String]) async -> ExitStatus {
        guard let name = arguments.first else { return fail(UsageError("a command is missing")) }
        if ["--help", "-h", "help"].contains(name) {
            console.write(Martlet.help)
            return .success
        }
        if name == "--version" {
            console.line("martlet \(Version.current)")
            return .success
        }
        guard let command = Martlet.commands.first(where: { $0.syntax.name == name }) else {
            return fail(UsageError(Martlet.unknown(name)))
        }
        do {
            let parsed = try ParsedArguments(Array(arguments.dropFirst()), command.syntax)
            if parsed.has("help") {
                console.write(command.syntax.help)
                return .success
            }
            return try await run(try command.init(parsed), writesJSON: parsed.has("json"))
        } catch let error as UsageError {
            return fail(error, command.syntax)
        } catch let failure as CommandFailure {
            console.remark("martlet: \(failure)")
            return failure.status
        } catch {
            console.remark("martlet: \(error)")
            return .unreachable
        }
    }

    private func run(_ command: any Command, writesJSON: Bool) async throws -> ExitStatus {
        let client = Client(ClientSettings(name: "martlet"), logger: .silent, metrics: Metrics())
        let services = ServiceClient(client: client, endpoints: endpoints)
        let session = Session(services: services, console: console, writesJSON: writesJSON)
        do {
            let status = try await command.run(session)
            await client.shutdown()
            return status
        } catch {
            await client.shutdown()
            throw error
        }
    }

    private func fail(_ error: UsageError, _ syntax: CommandSyntax? = nil) -> ExitStatus {
        console.remark("martlet: \(error)")
        console.remark("usage: \(syntax?.line ?? "martlet COMMAND [options]")")
        console.remark("help:  martlet \(syntax.map { "\($0.name) " } ?? "")--help")
        return .usage
    }

    private static func unknown(_ name: String) -> String {
        let near = commands.map { $0.syntax.name }.first { $0.hasPrefix(name.prefix(2)) }
        return "there is no command \(name)" + (near.map { "; did you mean \($0)?" } ?? "")
    }

    static var help: String {
        let lines = commands.map { command in
            "  \(command.syntax.name.padded(to: 9))  \(command.syntax.summary.prefix { $0 != "\n" })"
        }
        return """
            usage: martlet COMMAND [options]

            \(lines.joined(separator: "\n"))

            martlet COMMAND --help tells more. Where the services are is taken from AGENT_URL, JOB_QUEUE_URL,
            NOTIFICATION_URL and MARTLET_TOKEN, else from .martlet/env here or in a folder above.
            Exit status: 0 done, 1 failed, 2 usage, 3 unreachable, 4 not found, 5 refused.

            """
    }
}
