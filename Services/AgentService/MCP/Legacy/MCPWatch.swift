import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Wakes those in this process who wait for a stream to change: at once for a change that is made
/// here, within half a second for one that is made elsewhere, by one question for all of them. Who waits looks for
/// itself, and needs a deadline of its own: what cannot be asked wakes nobody.
final class MCPWatch: Service {
    private struct Watched {
        /// As it was last seen.
        var revision: Int?
        var wakeups: [Int: Wakeup] = [:]
    }

    private struct State {
        var rows: [UUID: Watched] = [:]
        var next = 0
    }

    let name = "mcp watch"
    private let pool: Pool
    private let logger: Logger
    private let period: Duration
    private let state = Lock(State())
    private let begun = Wakeup()

    init(pool: Pool, logger: Logger, period: Duration = .milliseconds(500)) {
        self.pool = pool
        self.logger = logger
        self.period = period
    }

    /// Lets `body` watch a row: its wakeup is signalled when there is something to be read.
    func watching<Value>(_ row: UUID, _ body: (Wakeup) async throws -> Value) async throws -> Value {
        let wakeup = Wakeup()
        let number = state.withLock { state in
            defer { state.next += 1 }
            state.rows[row, default: Watched()].wakeups[state.next] = wakeup
            return state.next
        }
        begun.signal()
        defer {
            state.withLock { state in
                state.rows[row]?.wakeups[number] = nil
                if state.rows[row]?.wakeups.isEmpty == true { state.rows[row] = nil }
            }
        }
        return try await body(wakeup)
    }

    /// A row was changed here.
    func ring(_ row: UUID) {
        let wakeups = state.withLock { $0.rows[row].map { Array($0.wakeups.values) } ?? [] }
        for wakeup in wakeups { wakeup.signal() }
    }

    /// Looks for the changes of others until `stop` is raised.
    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                let rows = self.state.withLock { Array($0.rows.keys) }
                if rows.isEmpty {
                    _ = try await self.begun.wait(atMost: .seconds(60))
                } else {
                    try await self.look(at: rows)
                    try await Task.sleep(for: self.period)
                }
            }
        }
    }

    private func look(at rows: [UUID]) async throws {
        var seen: [UUID: Int] = [:]
        do {
            for row in try await pool.query(MCPStreamStatements.revisions(of: rows)) {
                seen[try row.decode(0)] = try row.decode(1, as: Int.self)
            }
        } catch let error as PostgresError {
            return logger.debug("mcp streams not watched", ["error": "\(error)"])
        }
        let changed = state.withLock { state in
            rows.flatMap { row -> [Wakeup] in
                // One that is seen for the first time may have changed since it was read; one may be gone.
                let revision = seen[row] ?? -1
                guard let watched = state.rows[row], watched.revision != revision else { return [] }
                state.rows[row]?.revision = revision
                return Array(watched.wakeups.values)
            }
        }
        for wakeup in changed { wakeup.signal() }
    }
}
