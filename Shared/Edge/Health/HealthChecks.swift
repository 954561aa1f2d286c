import Concurrency
import JSON
import Kernel

/// What a check found.
public struct HealthResult: Sendable {
    /// How a part is.
    public enum Status: String, Sendable {
        case healthy, degraded, unhealthy
        /// It is not used here.
        case notConfigured = "not_configured"
    }

    /// How the part is.
    public let status: Status
    /// More about it, safe to show.
    public let message: String?
    /// What to do about it.
    public let advice: String?

    /// A finding.
    public init(_ status: Status, _ message: String? = nil, advice: String? = nil) {
        self.status = status
        self.message = message
        self.advice = advice
    }
}

/// Something a service depends on.
public struct HealthCheck: Sendable {
    let name: String
    let isHard: Bool
    let run: @Sendable () async throws -> HealthResult

    /// A part without which the service cannot serve.
    public static func hard(_ name: String, _ run: @escaping @Sendable () async throws -> HealthResult) -> HealthCheck {
        HealthCheck(name: name, isHard: true, run: run)
    }

    /// A part without which the service goes on, degraded.
    public static func soft(_ name: String, _ run: @escaping @Sendable () async throws -> HealthResult) -> HealthCheck {
        HealthCheck(name: name, isHard: false, run: run)
    }

    /// A part that is not configured.
    public static func notConfigured(_ name: String) -> HealthCheck {
        .soft(name) { HealthResult(.notConfigured) }
    }
}

/// Runs all checks together under one deadline, and keeps the report for a moment.
public actor HealthChecks {
    /// What all checks together say.
    public struct Report: Sendable {
        let status: HealthResult.Status
        let checks: [(name: String, result: HealthResult, latency: Duration)]
        let at: Timestamp

        /// Whether the service can serve.
        public var canServe: Bool { status != .unhealthy }
    }

    private let checks: [HealthCheck]
    private let deadline: Duration
    private let memory: Duration
    private var last: (report: Report, at: ContinuousClock.Instant)?
    private var running: Task<Report, Never>?

    /// Checks that start together.
    public init(_ checks: [HealthCheck], deadline: Duration = .seconds(5), memory: Duration = .seconds(2)) {
        self.checks = checks
        self.deadline = deadline
        self.memory = memory
    }

    /// The report, at most `memory` old. Callers at the same time share one run.
    public func report() async -> Report {
        if let last, ContinuousClock.now - last.at < memory { return last.report }
        if let running { return await running.value }
        let task = Task { await HealthChecks.run(checks, deadline) }
        running = task
        let report = await task.value
        running = nil
        last = (report, .now)
        return report
    }

    private static func run(_ checks: [HealthCheck], _ deadline: Duration) async -> Report {
        let results = await withTaskGroup(of: (Int, HealthResult, Duration).self) { group in
            for (index, check) in checks.enumerated() {
                group.addTask {
                    let start = ContinuousClock.now
                    let result: HealthResult
                    do {
                        result = try await withDeadline(deadline, for: check.name) { try await check.run() }
                    } catch is DeadlineExceeded {
                        result = HealthResult(.unhealthy, "no answer within \(deadline.milliseconds) ms")
                    } catch {
                        result = HealthResult(.unhealthy, "\(error)")
                    }
                    return (index, result, ContinuousClock.now - start)
                }
            }
            var results: [Int: (HealthResult, Duration)] = [:]
            for await (index, result, latency) in group { results[index] = (result, latency) }
            return results
        }
        var status = HealthResult.Status.healthy
        var lines: [(String, HealthResult, Duration)] = []
        for (index, check) in checks.enumerated() {
            guard let (result, latency) = results[index] else { continue }
            lines.append((check.name, result, latency))
            switch result.status {
            case .healthy, .notConfigured: break
            case .unhealthy where check.isHard: status = .unhealthy
            case .unhealthy, .degraded: if status == .healthy { status = .degraded }
            }
        }
        return Report(status: status, checks: lines, at: WallClock.system.now())
    }
}

extension HealthChecks.Report {
    func write(to json: inout JSONWriter, service: String, version: String) {
        json.object { json in
            json.member("status", status.rawValue)
            json.member("checks") { json in
                json.object { json in
                    for (name, result, latency) in checks {
                        json.member(name) { json in
                            json.object {
                                $0.member("status", result.status.rawValue)
                                if result.status != .notConfigured {
                                    $0.member("latency_ms", Double(latency.microseconds) / 1000)
                                }
                                if let message = result.message { $0.member("message", message) }
                                if let advice = result.advice { $0.member("advice", advice) }
                            }
                        }
                    }
                }
            }
            json.member("timestamp", at)
            json.member("service", service)
            json.member("version", version)
        }
    }
}
