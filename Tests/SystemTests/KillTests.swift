import Foundation
import TestSupport
import Testing

/// Kills in a row, faster than anything recovers, under load. `KILLS=100 make chaos` kills a hundred times.
@Suite(.timeLimit(.minutes(20)), .serialized) struct KillTests {
    /// What is killed, and how often among twenty.
    enum Victim: String, CaseIterable {
        case jobQueue = "job queue"
        case worker, notification, agent
        case database = "Postgres"
        case broker = "RabbitMQ"

        static let twenty: [Victim] = [
            .jobQueue, .worker, .jobQueue, .notification, .jobQueue, .agent, .jobQueue, .worker, .database, .jobQueue,
            .jobQueue, .worker, .jobQueue, .notification, .jobQueue, .broker, .jobQueue, .worker, .agent, .jobQueue,
        ]
    }

    @Test func `kills in a row under load leave a clean history`() async throws {
        let kills = TestProcess.environment["KILLS"].flatMap { Int($0) } ?? 10
        try await Cluster.run(replicas: 1) { cluster in
            try await JobRecorder.install(cluster.pool)
            let card = try await ChaosTests.card(in: cluster)
            let ledger = ChaosTests.Ledger()
            let replicas = [cluster.jobQueue] + cluster.replicas
            let submitting = Task {
                await ChaosTests.submit(card, in: cluster, to: replicas, keeping: 200, ledger)
            }
            let begin: @Sendable () -> Task<Void, Never> = {
                Task { await TestWorker(cluster: cluster, replicas: replicas, ledger: ledger).run() }
            }
            var workers = (0..<4).map { _ in begin() }
            var counts: [Victim: Int] = [:]
            for number in 0..<kills {
                let victim = Victim.twenty[number % Victim.twenty.count]
                counts[victim, default: 0] += 1
                switch victim {
                case .jobQueue:
                    let replica = replicas[counts[victim, default: 0] % replicas.count]
                    await replica.kill()
                    try await replica.start()
                case .worker:
                    workers[number % workers.count].cancel()
                    workers[number % workers.count] = begin()
                case .notification:
                    await cluster.notification.kill()
                    try await cluster.notification.start()
                case .agent:
                    await cluster.agent.kill()
                    try await cluster.agent.start()
                case .database:
                    try await cluster.database.kill()
                    try await cluster.database.restart()
                case .broker:
                    try await cluster.broker.control("kill")
                    try await cluster.broker.control("start")
                }
                // Only some jobs end between two blows, and nobody waits until the victim is well.
                try await ChaosTests.finish(Int.random(in: 0...60), in: cluster)
            }
            let history = try await ChaosTests.settle(submitting, workers, ledger, in: cluster, atLeast: 10 * kills)
            let list = Victim.allCases.compactMap { victim in counts[victim].map { "\(victim.rawValue) \($0)" } }
            print(
                "kills: \(kills) (\(list.joined(separator: ", "))): \(history.summary); offences: \(history.offences.count)"
            )
        }
    }
}
