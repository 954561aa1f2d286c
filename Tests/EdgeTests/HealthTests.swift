import Concurrency
import Testing

@testable import Edge

@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    struct Broken: Error {}

    actor Counter {
        var count = 0
        func add() { count += 1 }
    }

    @Test func `hard parts decide, soft ones only degrade`() async {
        let healthy = HealthCheck.hard("a") { HealthResult(.healthy) }
        let soft = HealthCheck.soft("b") { throw Broken() }
        let hard = HealthCheck.hard("c") { throw Broken() }
        #expect(await HealthChecks([healthy, .notConfigured("x")]).report().status == .healthy)
        let degraded = await HealthChecks([healthy, soft]).report()
        #expect(degraded.status == .degraded)
        #expect(degraded.canServe)
        let unhealthy = await HealthChecks([healthy, soft, hard]).report()
        #expect(unhealthy.status == .unhealthy)
        #expect(!unhealthy.canServe)
    }

    @Test func `checks share one deadline, and one that hangs is unhealthy`() async {
        let hanging = HealthCheck.hard("hanging") {
            try await Promise<Void>().value()
            return HealthResult(.healthy)
        }
        let report = await HealthChecks([hanging, hanging, hanging], deadline: .milliseconds(20)).report()
        #expect(report.status == .unhealthy)
        #expect(report.checks.count == 3)
    }

    @Test func `callers at the same time share one run, and the report is kept for a moment`() async {
        let runs = Counter()
        let checks = HealthChecks([
            .hard("a") {
                await runs.add(); return HealthResult(.healthy)
            }
        ])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = await checks.report() } }
        }
        #expect(await runs.count == 1)
    }
}
