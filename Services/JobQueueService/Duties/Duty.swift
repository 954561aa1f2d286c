import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Something done again and again: all replicas may do it at once, because each takes other rows.
struct Duty: Service {
    let name: String
    /// How long to rest when there was nothing to do, at most.
    let period: Duration
    let logger: Logger
    /// Ends the rest early.
    var wakeup = Wakeup()
    /// When there will be something to do, if that is known; asked before each rest.
    var untilNext: @Sendable () async throws -> Duration? = { nil }
    /// Does a part, and tells whether there may be more.
    let perform: @Sendable () async throws -> Bool

    func run(until stop: StopSignal) async throws {
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(10))
        try await stop.cancelling {
            var failures = 0
            while true {
                do {
                    if try await !perform() {
                        let rest = min(try await untilNext() ?? period, period)
                        _ = try await wakeup.wait(atMost: rest)
                    }
                    failures = 0
                } catch let error as PostgresError {
                    // The database is away, or busy: the duty waits and goes on, it never ends the process.
                    failures += 1
                    logger.warning("duty failed", ["duty": name, "error": "\(error)"])
                    try await Task.sleep(for: backoff.wait(afterAttempt: failures, random: .system) + .milliseconds(50))
                }
            }
        }
    }
}
