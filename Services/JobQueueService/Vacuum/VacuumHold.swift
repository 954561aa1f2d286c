import Edge
import JSON
import Kernel
import Postgres

/// Who keeps vacuum from removing dead rows, and what that costs. A queue's narrow tables are written all the time: a
/// snapshot that is held for long makes every claim step over more dead rows.
struct VacuumHold: Sendable {
    /// `session`, `prepared transaction`, `replication slot` or `standby`.
    let kind: String
    /// A session's process id, the others' name.
    let name: String
    let application: String?
    let state: String?
    /// How long, where that is known.
    let age: Duration?
    /// How many transactions have begun since.
    let transactions: Int
    let deadRows: [(table: String, rows: Int)]

    init(_ row: Row, deadRows: Rows) throws {
        var reader = row.reader
        kind = try reader.next()
        name = try reader.next()
        application = try reader.next()
        state = try reader.next()
        age = try reader.next(Double?.self).map { .milliseconds(Int($0 * 1000)) }
        transactions = try reader.next()
        self.deadRows = try deadRows.map { (try $0.decode(0), try $0.decode(1)) }
    }

    var message: String {
        let who = [application, state].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ", ")
        let since = age.map { "for \($0.milliseconds / 1000) s, " } ?? ""
        let dead = deadRows.map { "\($0.table) \($0.rows)" }.joined(separator: ", ")
        return "\(kind) \(name)\(who.isEmpty ? "" : " (\(who))") holds back vacuum \(since)\(transactions) transactions"
            + (dead.isEmpty ? "" : "; dead rows: \(dead)")
    }

    var advice: String {
        switch kind {
        case "session": "end it, or call pg_terminate_backend(\(name))"
        case "prepared transaction": "COMMIT PREPARED or ROLLBACK PREPARED '\(name)'"
        case "replication slot": "see to its consumer, or drop the slot"
        default: "see to the standby's long query, or turn hot_standby_feedback off there"
        }
    }
}

extension HealthCheck {
    /// Names who holds back vacuum for longer than `age`, or for more than `transactions`. It never makes a service less
    /// healthy: the cause is elsewhere, and so is the cure.
    static func vacuum(
        _ pool: Pool,
        longerThan age: Duration = .seconds(30),
        transactions: Int = 1_000_000
    ) -> HealthCheck {
        .soft("vacuum") {
            do {
                let holder = VacuumStatements.holder(longerThan: age, transactions: transactions)
                guard let row = try await pool.query(holder, timeout: .seconds(2)).first else {
                    return HealthResult(.healthy)
                }
                let deadRows = try await pool.query(VacuumStatements.deadRows, timeout: .seconds(2))
                let hold = try VacuumHold(row, deadRows: deadRows)
                return HealthResult(.healthy, hold.message, advice: hold.advice)
            } catch is PostgresError {
                // That the database does not answer is for its own check to say.
                return HealthResult(.healthy, "could not be looked at")
            }
        }
    }
}
