import Glibc

/// What a shell tool cannot measure of running services; each row is one line of `name=value` words.
///
///     ServiceLoad latency                  submission to update, with nothing else going on
///     ServiceLoad work [jobs] [sessions]   lease, start and complete jobs as workers do
///     ServiceLoad start [jobs] [pause]     submission to a waiting worker, one each so many milliseconds
///     ServiceLoad handled [jobs]           jobs completed by the service's own handler `echo`
///     ServiceLoad idle [workers] [seconds] workers that wait for jobs; prints a line when all do
///     ServiceLoad checkpoints [writers] [puts] checkpoints of threads, so many puts of each writer
///     ServiceLoad context PROJECT [count]  contexts of a project, one after the other
///     ServiceLoad publish                  an event on the broker for each line `queue<TAB>payload`
///     ServiceLoad append                   the same, committed to the log
///     ServiceLoad history                  judge what the run has left in DATABASE_URL; exit status 1 when something is wrong
///
/// `JOB_QUEUE_URL` (or several, with commas), `NOTIFICATION_URL`, `AGENT_URL` and `MARTLET_TOKEN` say where the services
/// are and as whom to call.
@main
struct ServiceLoad {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        do {
            switch arguments.first {
            case "latency":
                print(try await LatencyRow(services: Services()).measure())
            case "work":
                let row = WorkRow(
                    services: Services(),
                    jobs: numbers.first ?? 20_000,
                    sessions: numbers.dropFirst().first ?? 4
                )
                print(try await row.measure())
            case "history":
                let row = try await HistoryRow().measure()
                print(row.line)
                for offence in row.offences { print(offence) }
                if !row.offences.isEmpty { exit(1) }
            case "start":
                let pause = Duration.milliseconds(numbers.dropFirst().first ?? 20)
                print(try await StartRow(services: Services(), jobs: numbers.first ?? 200, pause: pause).measure())
            case "handled":
                print(try await HandledRow(services: Services(), jobs: numbers.first ?? 20_000).measure())
            case "publish": try await EventSource().run(.broker)
            case "append": try await EventSource().run(.log)
            case "idle":
                let duration = Duration.seconds(numbers.dropFirst().first ?? 20)
                let row = IdleRow(services: Services(), workers: numbers.first ?? 1000, duration: duration)
                print(try await row.measure())
            case "checkpoints":
                let puts = numbers.dropFirst().first ?? 200
                print(try await CheckpointRow(services: Services(), writers: numbers.first ?? 8, puts: puts).measure())
            case "context":
                let row = ContextRow(
                    services: Services(),
                    project: arguments.dropFirst().first ?? "",
                    contexts: numbers.first ?? 200
                )
                print(try await row.measure())
            default:
                print(
                    "ServiceLoad latency | work | start | handled | idle | publish | append | checkpoints | context | history"
                )
                exit(2)
            }
        } catch {
            print("failed: \(error)")
            exit(1)
        }
    }
}
