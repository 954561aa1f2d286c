import Glibc
import Settings

/// The `martlet` program.
@main
struct Main {
    static func main() async {
        let console = Console.standard
        signal(SIGPIPE, SIG_IGN)
        let file: [String: String]
        do {
            file = try SettingsFolder.read()
        } catch {
            console.remark("martlet: .martlet/env cannot be read: \(error)")
            exit(ExitStatus.usage.rawValue)
        }
        let endpoints = Endpoints(environment: Settings.Environment.current(), file: file)
        let status = await Martlet(endpoints: endpoints, console: console).run(Array(CommandLine.arguments.dropFirst()))
        exit(status.rawValue)
    }
}
