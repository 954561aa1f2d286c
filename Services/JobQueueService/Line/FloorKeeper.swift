import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Where claims begin, and the duty that keeps it true.
final class FloorKeeper: Sendable {
    private let floors = Lock(LineFloors())
    private let wakeup = Wakeup()
    private let pool: Pool

    init(pool: Pool) { self.pool = pool }

    /// The lines of some kinds, to be used by one claim.
    func lines(of kinds: [String]) -> OpenLines {
        wakeup.signal()
        return floors.withLock { $0.lines(of: kinds) }
    }

    /// Remembers lines that jobs were claimed from.
    func note(_ lines: Set<Line>) {
        floors.withLock { floors in for line in lines { floors.note(line) } }
    }

    /// Looks ten times a second while there are claims. Once a minute it begins anew.
    func duty(logger: Logger) -> any Service {
        let lastTime = Lock(ContinuousClock.now)
        return Duty(name: "floor keeper", period: .seconds(60), logger: logger, wakeup: wakeup) { [self] in
            let isOld = lastTime.withLock { time in
                guard ContinuousClock.now - time > .seconds(60) else { return false }
                time = .now
                return true
            }
            if isOld { floors.withLock { $0.forget() } }
            try await look()
            try await Task.sleep(for: .milliseconds(100))
            return false
        }
    }

    func look() async throws {
        let lines = floors.withLock { $0.all }
        guard lines != OpenLines() else { return }
        let rows = try await pool.query(LineStatements.look(lines))
        guard let row = rows.first else { return }
        var first: [Line: Int64] = [:]
        for row in rows {
            guard let kind: String = try row.decode(3) else { continue }
            first[Line(kind: kind, priority: try row.decode(4))] = try row.decode(5, as: Int64.self)
        }
        let look = LineFloors.Look(
            transaction: try row.decode(0),
            horizon: try row.decode(1),
            number: try row.decode(2),
            first: first
        )
        floors.withLock { $0.see(look) }
    }
}
