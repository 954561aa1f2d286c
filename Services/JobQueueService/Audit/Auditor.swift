import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry

/// Looks at all jobs again and again, a page at a time, one replica at a time, and shows what it finds as metrics: zeroes,
/// as long as all is well.
struct Auditor: Service {
    let name = "auditor"
    private let pool: Pool
    private let keptDays: Int
    private let logger: Logger
    private let gauges: [AuditCheck: Gauge]
    private let looked: Counter
    private let pageSize = 500

    init(pool: Pool, keptDays: Int, logger: Logger, metrics: Metrics) {
        self.pool = pool
        self.keptDays = keptDays
        self.logger = logger
        gauges = Dictionary(
            uniqueKeysWithValues: AuditCheck.allCases.map { check in
                (
                    check,
                    metrics.gauge(
                        "martlet_audit_findings",
                        "What must never be found in the data; see GET /api/audit.",
                        labels: ["check": check.rawValue]
                    )
                )
            }
        )
        looked = metrics.counter("martlet_audit_jobs_total", "Jobs looked at by the auditor.")
    }

    func run(until stop: StopSignal) async throws {
        try await LeaderLease(name, pool: pool, term: .seconds(60), logger: logger)
            .run(until: stop) { _ in
                try await audit()
            }
    }

    private func audit() async throws {
        while true {
            var found: [AuditCheck: Int] = [:]
            var place: UUID?
            repeat {
                let audit = try await Audit(pool, before: place, limit: pageSize, keptDays: keptDays)
                looked.add(audit.jobs)
                for finding in audit.findings { found[finding.check, default: 0] += 1 }
                for finding in audit.findings.prefix(5) {
                    logger.error(
                        "the audit found what must not be",
                        ["check": finding.check.rawValue, "id": "\(finding.subject)", "detail": finding.detail]
                    )
                }
                // What is found shows at once; what is gone shows when all was looked at.
                for (check, gauge) in gauges { gauge.set(max(found[check] ?? 0, gauge.current)) }
                place = audit.next
                try await Task.sleep(for: .seconds(10))
            } while place != nil
            for (check, gauge) in gauges { gauge.set(found[check] ?? 0) }
            try await Task.sleep(for: .seconds(60))
        }
    }
}
