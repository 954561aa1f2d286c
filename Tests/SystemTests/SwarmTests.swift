import Concurrency
import Foundation
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

/// Invariant 7 end to end: jobs, log, broker, two nodes and two thousand clients, while everything dies in turn.
/// SWARM_SECONDS (60) says how long.
@Suite(.timeLimit(.minutes(30)), .serialized) struct SwarmTests {
    private static let seconds = Int(ProcessInfo.processInfo.environment["SWARM_SECONDS"] ?? "") ?? 60

    @Test func `two thousand clients end equal to the database, whatever dies on the way`() async throws {
        let settings = [
            "PROVIDER_PRESETS": "echo", "MAX_CONNECTIONS_PER_ADDRESS": "10000", "MAX_CONNECTIONS": "10000",
            "SHUTDOWN_GRACE_MS": "8000",
        ]
        try await Cluster.run(settings, replicas: 1) { cluster in
            let second = ServiceProgram(
                "notification-service",
                port: try Cluster.freePort(),
                environment: cluster.notification.environment,
                logs: cluster.logs
            )
            try await second.start()
            try await cluster.waitUntilReady(second)
            let result = await Task { try await SwarmTests.run(cluster, [cluster.notification, second]) }.result
            await second.kill()
            try result.get()
        }
    }

    private static func run(_ cluster: Cluster, _ nodes: [ServiceProgram]) async throws {
        let queues = (0..<100).map { "swarm-\($0)" }
        let swarm = Swarm(2000, of: queues, at: nodes.map(\.port), token: cluster.token)
        defer { swarm.end() }
        let submitting = Task { await submit(queues, cluster) }
        let blows = try await strike(cluster, nodes, until: .now + .seconds(seconds))
        submitting.cancel()
        await submitting.value
        for service in cluster.services + nodes where await !service.isRunning { try await service.start() }
        swarm.calmDown()
        try await eventually("all jobs end", within: .seconds(300)) {
            try await ChaosTests.unfinished(in: cluster) == 0
        }
        var truth: [String: [String: SwarmClient.Known]] = [:]
        for row in try await cluster.pool.query("SELECT queue, id::text, seq, status FROM jobs.jobs") {
            let known = SwarmClient.Known(seq: try row.decode(2), status: try row.decode(3))
            truth[try row.decode(0), default: [:]][try row.decode(1)] = known
        }
        let facts = truth
        try await eventually("all clients agree with the database", within: .seconds(120)) {
            try await swarm.report(against: facts).apart == 0
        }
        let report = try await swarm.report(against: facts)
        let jobs = facts.values.reduce(0) { $0 + $1.count }
        print(
            """
            swarm: \(jobs) jobs; blows \(blows.joined(separator: ", ")); \(report.counts.updates) updates \
            (\(report.counts.repeats) of them again), \(report.counts.skips) skips, \(report.counts.snapshots) pages of \
            snapshots; \(report.counts.connects) connects, \(report.counts.refused) refused, \(report.counts.stalls) stalls, \
            \(report.counts.drains) drains, \(report.counts.closes) closes; \(report.faults.count) faults
            """
        )
        #expect(report.faults.prefix(10).isEmpty, "\(report.faults.prefix(10))")
        #expect(jobs > 100)
        #expect(report.counts.updates > 10_000)
    }

    /// A few jobs at a time, each in some queue; what is not acknowledged is not asked for again.
    private static func submit(_ queues: [String], _ cluster: Cluster) async {
        var number = 0
        while !Task.isCancelled {
            let jobs = (0..<10)
                .map { _ in
                    "{\"kind\":\"echo\",\"queue\":\"\(queues.randomElement() ?? "")\",\"params\":{\"n\":\(number)},\"max_attempts\":50}"
                }
                .joined(separator: ",")
            number += 1
            do {
                let target = cluster.replicas.randomElement() ?? cluster.jobQueue
                _ = try await cluster.post(
                    number.isMultiple(of: 2) ? cluster.jobQueue : target,
                    "/api/jobs/batch",
                    "{\"jobs\":[\(jobs)]}"
                )
                try await Task.sleep(for: .milliseconds(300))
            } catch {
                // Refused, lost or cancelled: the loop's condition tells.
                await Task.yield()
            }
        }
    }

    /// One blow after the other; returns what was done.
    private static func strike(_ cluster: Cluster, _ nodes: [ServiceProgram], until end: ContinuousClock.Instant)
        async throws
        -> [String]
    {
        let broker = cluster.broker
        let blows: [(String, @Sendable () async throws -> Void)] = [
            ("kill -9 of node 1", { try await again(nodes[0], cluster) }),
            ("kill -9 of the relay", { try await again(cluster.jobQueue, cluster) }),
            (
                "queues deleted",
                {
                    let deletion =
                        "[rabbit_amqqueue:delete(Q,false,false,<<\"swarm\">>) || Q <- rabbit_amqqueue:list()]."
                    _ = try await broker.ctl("eval", deletion)
                }
            ),
            (
                "node 2 stopped",
                {
                    _ = await nodes[1].stop()
                    try await nodes[1].start()
                }
            ),
            (
                "broker restarted",
                {
                    try await broker.control("kill")
                    try await broker.control("start")
                }
            ),
            (
                "memory alarm",
                {
                    _ = try await broker.ctl("set_vm_memory_high_watermark", "0.00001")
                    try await Task.sleep(for: .seconds(3))
                    _ = try await broker.ctl("set_vm_memory_high_watermark", "0.4")
                }
            ),
            ("kill -9 of node 2", { try await again(nodes[1], cluster) }),
            ("kill -9 of the other job queue", { try await again(cluster.replicas[0], cluster) }),
        ]
        var done: [String] = []
        while ContinuousClock.now < end {
            let (name, blow) = blows[done.count % blows.count]
            try await blow()
            done.append(name)
            try await Task.sleep(for: .seconds(2))
        }
        return done
    }

    private static func again(_ service: ServiceProgram, _ cluster: Cluster) async throws {
        await service.kill()
        try await service.start()
        try await cluster.waitUntilReady(service)
    }
}
