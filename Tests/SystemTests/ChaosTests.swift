import Concurrency
import Contracts
import Foundation
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

/// Invariants 1, 2, 3, 4, 5, 7, 8 and 12 on the real programs, while they are killed.
@Suite(.timeLimit(.minutes(10)), .serialized) struct ChaosTests {
    /// What was promised to whoever submitted.
    actor Ledger {
        var acknowledged: Set<String> = []
        /// What was promised to whoever completed.
        var completed: Set<String> = []
        func add(_ id: String) { acknowledged.insert(id) }
        func addCompleted(_ ids: [String]) { completed.formUnion(ids) }
    }

    @Test func `three hundred jobs in flight survive the death of everything`() async throws {
        try await Cluster.run { cluster in
            try await JobRecorder.install(cluster.pool)
            let card = try await ChaosTests.card(in: cluster)
            let ledger = Ledger()
            let subscriber = TestSubscriber(cluster, context: card)
            let watching = Task { await subscriber.run() }
            let workers = (0..<4).map { _ in Task { await TestWorker(cluster: cluster, ledger: ledger).run() } }
            let submitting = Task { await ChaosTests.submit(card, in: cluster, keeping: 300, ledger) }

            // Some hundred more jobs end before the next blow falls.
            func progress() async throws { try await ChaosTests.finish(150, in: cluster) }
            try await progress()
            for service in cluster.services {
                await service.kill()
                try await service.start()
                try await cluster.waitUntilReady(service)
                try await progress()
            }
            try await cluster.broker.control("kill")
            try await progress()
            try await cluster.broker.control("start")
            try await progress()
            try await cluster.database.kill()
            try await cluster.database.restart()
            try await progress()

            let history = try await ChaosTests.settle(submitting, workers, ledger, in: cluster)
            try await ChaosTests.checkAssets(in: cluster)
            try await ChaosTests.checkInsight(in: cluster)
            try await ChaosTests.check(subscriber, in: cluster)
            watching.cancel()
            await watching.value
            print(
                "chaos: \(history.summary); \(await subscriber.reconnects) reconnects of the subscriber"
            )
            for service in cluster.services {
                #expect(await service.stop() == 0, "\(service.name) must stop cleanly")
            }
        }
    }

    /// The service's own audit finds nothing, and its counts are those of the table.
    private static func checkInsight(in cluster: Cluster) async throws {
        let base = "http://127.0.0.1:\(cluster.jobQueue.port)"
        var cursor: String?
        repeat {
            let query = cursor.map { "&cursor=\($0)" } ?? ""
            let page = try JSONDocument(parsing: try await cluster.get("\(base)/api/audit?limit=500\(query)").body).root
            let findings = page["checks"]?.elements.filter { $0["count"]?.int != 0 }.map(\.raw) ?? []
            #expect(page["clean"]?.bool == true, "\(findings.map { String(decoding: $0.bytes, as: UTF8.self) })")
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        let stats = try JSONDocument(parsing: try await cluster.get("\(base)/api/stats").body).root
        #expect(stats["statuses"]?["completed"]?.int == (try await finished(in: cluster)))
        #expect(stats["total"]?.int == (try await count("SELECT count(*) FROM jobs.jobs", in: cluster)))
    }

    static func card(in cluster: Cluster) async throws -> String {
        func make(_ path: String, _ body: String) async throws -> JSONElement {
            let response = try await cluster.post(cluster.agent, path, body)
            try #require(response.status == 201, "\(response.text)")
            return try JSONDocument(parsing: response.body).root
        }
        let project = try await make("/api/projects", #"{"title":"chaos"}"#)
        let id = try #require(project["project_id"]?.string ?? project["id"]?.string)
        let activity = try await make(
            "/api/projects/\(id)/activities",
            #"{"title":"a","task_type":"text","cards":[{"title":"c"}]}"#
        )
        let card = activity["cards"]?.elements.first { _ in true }
        return try #require(card?["card_id"]?.string ?? card?["id"]?.string)
    }

    /// Keeps `count` jobs in flight. Every submission is repeated under its key until it is acknowledged.
    static func submit(
        _ card: String?,
        in cluster: Cluster,
        to replicas: [ServiceProgram] = [],
        keeping count: Int,
        _ ledger: Ledger
    ) async {
        let place = card.map { "\"\($0)\"" } ?? "null"
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<10 {
                group.addTask {
                    var number = 0
                    while !Task.isCancelled {
                        do {
                            if try await unfinished(in: cluster) < count {
                                number += 1
                                let key = "lane-\(lane)-\(number)"
                                let body =
                                    "{\"kind\":\"chaos\",\"card_id\":\(place),\"params\":{\"n\":\(number)},\"max_attempts\":50}"
                                while !Task.isCancelled {
                                    do {
                                        let response = try await cluster.post(
                                            replicas.randomElement() ?? cluster.jobQueue,
                                            "/api/jobs",
                                            body,
                                            key: key
                                        )
                                        if response.status == 201 {
                                            if let id = try JSONDocument(parsing: response.body).root["job_id"]?.string
                                            {
                                                await ledger.add(id)
                                            }
                                            break
                                        }
                                    } catch is ClientError {
                                        // Not acknowledged: again, under the same key.
                                    }
                                    try await Task.sleep(for: .milliseconds(20))
                                }
                            } else {
                                try await Task.sleep(for: .milliseconds(10))
                            }
                        } catch {
                            // The observer's own connection broke with the database.
                            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
                        }
                    }
                }
            }
        }
    }

    static func count(_ sql: SQL, in cluster: Cluster) async throws -> Int {
        while true {
            do {
                return try await cluster.pool.query(sql)[0].decode(0)
            } catch let error as PostgresError where error.isConnectionLost || error.isRetriable {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    static func finished(in cluster: Cluster) async throws -> Int {
        try await count("SELECT count(*) FROM jobs.jobs WHERE completed_at IS NOT NULL", in: cluster)
    }

    static func unfinished(in cluster: Cluster) async throws -> Int {
        try await count("SELECT count(*) FROM jobs.jobs WHERE completed_at IS NULL", in: cluster)
    }

    /// Waits until `count` more jobs have ended.
    static func finish(_ count: Int, in cluster: Cluster) async throws {
        let target = try await finished(in: cluster) + count
        try await eventually("\(count) more jobs end") { try await finished(in: cluster) >= target }
    }

    /// Waits until no job is left.
    static func allFinished(in cluster: Cluster) async throws {
        try await eventually("all jobs end") { try await unfinished(in: cluster) == 0 }
    }

    /// Ends the submitting, then, when nothing is left to do, the workers: invariants 1 to 4 and 6.
    static func settle(
        _ submitting: Task<Void, Never>,
        _ workers: [Task<Void, Never>],
        _ ledger: Ledger,
        in cluster: Cluster,
        atLeast count: Int = 500
    ) async throws -> JobHistory {
        submitting.cancel()
        await submitting.value
        try await allFinished(in: cluster)
        for worker in workers {
            worker.cancel()
            await worker.value
        }
        var history = try await JobRecorder.history(cluster.pool)
        history.acknowledged = await ledger.acknowledged
        history.completed = await ledger.completed
        #expect(history.offences == [])
        #expect(history.acknowledged.count > count)
        #expect(history.completed.count > count)
        #expect(history.changes.count > 3 * count)
        #expect(history.jobs.allSatisfy { $0.status == .completed && !$0.isReady && !$0.isScheduled })
        return history
    }

    /// Invariant 8: every completed job became an asset, once.
    private static func checkAssets(in cluster: Cluster) async throws {
        let wanted = try await finished(in: cluster)
        try await eventually("every completed job is an asset") {
            try await count("SELECT count(*) FROM agent.assets", in: cluster) >= wanted
        }
        #expect(try await count("SELECT count(*) FROM agent.assets", in: cluster) == wanted)
        #expect(try await count("SELECT count(DISTINCT job_id) FROM agent.assets", in: cluster) == wanted)
    }

    /// Invariant 7: the subscriber ends equal to the database, and no jump was unannounced.
    private static func check(_ subscriber: TestSubscriber, in cluster: Cluster) async throws {
        var truth: [String: TestSubscriber.Known] = [:]
        for row in try await cluster.pool.query("SELECT id::text, seq, status FROM jobs.jobs") {
            truth[try row.decode(0)] = TestSubscriber.Known(seq: try row.decode(1), status: try row.decode(2))
        }
        let expected = truth
        try await eventually("the subscriber equals the database") { await subscriber.jobs == expected }
        #expect(await subscriber.gaps == [])
    }
}
