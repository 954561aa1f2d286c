import Contracts
import Kernel
import Postgres

/// The limits that hold a job back.
struct LimitReasons: ReasonSource {
    func reasons(for facts: JobFacts, in transaction: isolated Transaction) throws -> [Reason] {
        guard [.queued, .blocked, .scheduled].contains(facts.job.status), facts.holding == nil else { return [] }
        return try transaction.query(GateStatements.gates(of: facts.job.id))
            .compactMap { row in
                guard let code = Reason.Code(rawValue: try row.decode(0)) else { return nil }
                let waitsFor: JobID? = try row.decode(2)
                let seconds: Double? = try row.decode(3)
                return Reason(
                    code: code,
                    message: try row.decode(1),
                    eta: seconds.map { facts.now + .microseconds(Int64($0 * 1e6)) },
                    facts: waitsFor.map { [("waits_for", [$0.description])] } ?? []
                )
            }
    }
}
