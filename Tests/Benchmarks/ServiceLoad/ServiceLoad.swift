import Glibc

/// What a shell tool cannot measure of running services; each row is one line of `name=value` words.
///
///     ServiceLoad latency                  submission to update, with nothing else going on
///     ServiceLoad work [jobs] [sessions]   lease, start and complete jobs as workers do
///     ServiceLoad history                  judge what the run has left in DATABASE_URL; exit status 1 when something is wrong
///
/// `JOB_QUEUE_URL`, `NOTIFICATION_URL` and `MARTLET_TOKEN` say where the services are and as whom to call.
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
            default:
                print("ServiceLoad latency | work [jobs] [sessions] | history")
                exit(2)
            }
        } catch {
            print("failed: \(error)")
            exit(1)
        }
    }
}
