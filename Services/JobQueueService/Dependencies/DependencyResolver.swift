import Concurrency
import Contracts
import Lifecycle
import Postgres
import Telemetry

/// Frees blocked jobs when those that they wait for have ended. Apart from the ends themselves: a job's completion
/// costs no more when a thousand others wait for it.
struct DependencyResolver: Sendable {
    let pool: Pool
    let bell: ReadyBell
    let logger: Logger
    let changed: @Sendable () -> Void
    /// Signalled when there is something to look at.
    let wakeup: Wakeup

    var duty: any Service {
        Duty(name: "dependencies", period: .seconds(1), logger: logger, wakeup: wakeup) { try await resolve() }
    }

    func resolve() async throws -> Bool {
        let (taken, kinds) = try await pool.withTransaction { transaction in
            let notes = try transaction.query(DependencyStatements.take(limit: 200))
            var ended: [JobID] = []
            var children: [JobID] = []
            for note in notes {
                if try note.decode(1) { ended.append(try note.decode(0)) } else { children.append(try note.decode(0)) }
            }
            if !notes.isEmpty { _ = try transaction.query(OrderStatements.lockLines(of: ended + children)) }
            if !ended.isEmpty {
                try transaction.execute(DependencyStatements.expand(ended))
                try transaction.execute(OrderStatements.leave(ended))
            }
            guard !children.isEmpty else { return (notes.count, [String]()) }
            try transaction.execute(OrderStatements.release(children))
            _ = try transaction.query(DependencyStatements.lock(children))
            try transaction.execute(DependencyStatements.mark(children))
            // A statement of its own: it sees what ended before the locks were given.
            let kinds: [String] = try transaction.query(DependencyStatements.resolve(children)).map { try $0.decode(0) }
            return (notes.count, kinds)
        }
        if !kinds.isEmpty {
            changed()
            bell.ring(kinds)
        }
        return taken > 0
    }
}
