import Contracts
import JSON
import Kernel
import Postgres

/// What became of a job that has ended.
struct EndReasons: ReasonSource {
    func reasons(for facts: JobFacts, in transaction: isolated Transaction) -> [Reason] {
        let job = facts.job
        guard let end = job.completedAt else { return [] }
        let error = "\(job.errorCode ?? "no code"): \(job.errorMessage ?? "no message")"
        let attempts = "\(job.attempt) of \(job.maxAttempts) attempts"
        let (code, message): (Reason.Code, String) =
            switch job.status {
            case .completed: (.completed, "it completed at \(end), after \(attempts)")
            case .cancelled: (.cancelled, "it was cancelled at \(end): \(job.errorMessage ?? "on request")")
            case .expired: (.expired, "its deadline \(job.deadlineAt ?? end) passed before it was done")
            default:
                job.phase == .quarantined
                    ? (.quarantined, "\(facts.leaseDeaths) workers died under it; it is not given to another one")
                    : (.failed, "it failed at \(end), after \(attempts), with \(error)")
            }
        return [
            Reason(
                code: code,
                message: message,
                facts: [
                    ("completed_at", end), ("attempt", job.attempt), ("error_code", job.errorCode),
                    ("lease_deaths", facts.leaseDeaths),
                ]
            )
        ]
    }
}

/// The jobs that a blocked one waits for.
struct DependencyReasons: ReasonSource {
    private static let shown = 20

    func reasons(for facts: JobFacts, in transaction: isolated Transaction) throws -> [Reason] {
        guard facts.job.status == .blocked, !facts.job.dependsOn.isEmpty else { return [] }
        let rows = try transaction.query(
            ReasonStatements.open(facts.job.dependsOn, limit: DependencyReasons.shown + 1)
        )
        let open: [JobID] = try rows.map { try $0.decode(0) }
        guard let first = open.first else {
            return [Reason(code: .blocked, message: "all jobs it depends on have ended; it is about to be freed")]
        }
        let status: JobStatus = try rows[0].decode(1)
        let more = open.count > DependencyReasons.shown ? "more than \(DependencyReasons.shown)" : "\(open.count)"
        let message =
            open.count == 1
            ? "it waits for job \(first), which is \(status.rawValue)"
            : "it waits for \(more) jobs; the first, \(first), is \(status.rawValue)"
        return [
            Reason(
                code: .blocked,
                message: message,
                facts: [("waits_for", open.prefix(DependencyReasons.shown).map(\.description))]
            )
        ]
    }
}

/// The time that a scheduled job waits for.
struct TimeReasons: ReasonSource {
    func reasons(for facts: JobFacts, in transaction: isolated Transaction) -> [Reason] {
        let job = facts.job
        guard job.status == .scheduled else { return [] }
        let because = job.waitReason.map { ": \($0)" } ?? ""
        let (code, message): (Reason.Code, String) =
            switch job.phase {
            case .retryWait:
                (
                    .retryWait,
                    "attempt \(job.attempt) of \(job.maxAttempts) failed with \(job.errorCode ?? "no code") "
                        + "(\(job.errorMessage ?? "no message")); the next one is due at \(job.runAt)"
                )
            case .snoozed: (.snoozed, "its worker put it off until \(job.runAt)\(because)")
            case .suspended: (.suspended, "it waits to be resumed, until \(job.runAt) at the longest\(because)")
            default: (.scheduled, "it is not to run before \(job.runAt)")
            }
        return [
            Reason(
                code: code,
                message: message,
                eta: job.runAt,
                facts: [("run_at", job.runAt), ("error_code", job.errorCode), ("wait_reason", job.waitReason)]
            )
        ]
    }
}

/// The worker that has a job.
struct LeaseReasons: ReasonSource {
    func reasons(for facts: JobFacts, in transaction: isolated Transaction) -> [Reason] {
        guard !facts.job.status.isFinal, let holding = facts.holding else { return [] }
        let who = "worker \(holding.worker)"
        let members: [(String, any JSONWritable & Sendable)] = [
            ("worker_id", holding.workerID.description), ("worker", holding.worker), ("leased_at", holding.leasedAt),
            ("started_at", holding.startedAt), ("times_out_at", holding.timesOutAt),
        ]
        var reasons: [Reason] = []
        if holding.livesUntil < facts.now {
            let message = "\(who) has been silent for too long; the job is about to be taken back"
            reasons.append(Reason(code: .workerSilent, message: message, facts: members))
        }
        guard let start = holding.startedAt else {
            let message = "\(who) has leased it at \(holding.leasedAt) and has not begun"
            return reasons + [Reason(code: .leased, message: message, facts: members)]
        }
        let limit = holding.timesOutAt.map { ", and has time until \($0)" } ?? ""
        let attempt = "attempt \(facts.job.attempt) of \(facts.job.maxAttempts)"
        let reason =
            facts.job.phase == .awaitingProvider
            ? Reason(
                code: .awaitingProvider,
                message: "an outside service has had it since \(start), \(attempt)\(limit)",
                facts: members
            )
            : Reason(code: .running, message: "\(who) has run it since \(start), \(attempt)\(limit)", facts: members)
        return reasons + [reason]
    }
}
