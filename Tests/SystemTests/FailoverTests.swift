import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

/// Invariants 5 and 12 on the real programs: relays that are killed, and parts that are away.
@Suite(.timeLimit(.minutes(5)), .serialized) struct FailoverTests {
    @Test func `a killed relay is followed by another replica, and every event is published in order`() async throws {
        try await Cluster.run(replicas: 1) { cluster in
            try await PublishedEvents.listen(at: cluster.broker.baseURL + "/%2f") { published in
                let relays = [cluster.jobQueue] + cluster.replicas
                let submitting = Task {
                    // Through whichever replica answers; what is not acknowledged may be in the log all the same.
                    while !Task.isCancelled {
                        for relay in relays {
                            do {
                                // In a task of its own: the last one is answered too.
                                _ = try await Task { try await FailoverTests.submit(20, to: relay, cluster) }.value
                                try await Task.sleep(for: .milliseconds(10))
                            } catch {
                                // It was killed.
                            }
                        }
                    }
                }
                let leader: SQL = "SELECT fence FROM shared.leases WHERE name = 'relay' AND expires_at > now()"
                for _ in 0..<3 {
                    let fence: Int64 = try await FailoverTests.value(leader, cluster)
                    // Between two publications, or in the middle of one.
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<300)))
                    // Nobody but the process itself knows whether it leads: the one after whose death another fence
                    // comes did.
                    for relay in relays {
                        await relay.kill()
                        try await Task.sleep(for: .milliseconds(100))
                        try await relay.start()
                        try await cluster.waitUntilReady(relay)
                    }
                    try await eventually("another leads") { try await FailoverTests.value(leader, cluster) != fence }
                }
                submitting.cancel()
                _ = await submitting.result
                // What was not acknowledged is committed then, or never.
                let begun: Int64 = try await FailoverTests.value(
                    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
                    cluster
                )
                try await eventually("what was begun has ended") {
                    try await FailoverTests.value("SELECT shared.settled_horizon()::text::bigint", cluster) >= begun
                }
                let (repetitions, defects) = try await published.compare(with: cluster.pool)
                print("failover: \(await published.count) messages, \(repetitions) of them repetitions")
                #expect(defects == [])
            }
        }
    }

    @Test func `submissions are accepted while broker, agent and notification service are down`() async throws {
        try await Cluster.run { cluster in
            let card = try await ChaosTests.card(in: cluster)
            let worker = Task { await TestWorker(cluster: cluster).run() }
            await cluster.agent.kill()
            await cluster.notification.kill()
            try await cluster.broker.control("kill")
            var ids: [String] = []
            for number in 0..<50 {
                let answer = try await cluster.post(
                    cluster.jobQueue,
                    "/api/jobs",
                    #"{"kind":"chaos","card_id":"\#(card)","params":{"n":\#(number)},"max_attempts":50}"#
                )
                try #require(answer.status == 201, "\(answer.text)")
                ids.append(try #require(try JSONDocument(parsing: answer.body).root["job_id"]?.string))
            }
            // They are also run to their end.
            let completed: SQL = "SELECT count(*) FROM jobs.jobs WHERE status = 'completed'"
            try await eventually("all complete") { try await FailoverTests.value(completed, cluster) == 50 }
            try await cluster.broker.control("start")
            try await cluster.agent.start()
            try await cluster.notification.start()
            // What the others missed reaches them.
            let assets: SQL = "SELECT count(DISTINCT job_id) FROM agent.assets"
            try await eventually("each is an asset") { try await FailoverTests.value(assets, cluster) == 50 }
            #expect(try await FailoverTests.value("SELECT count(*) FROM agent.assets", cluster) == 50)
            #expect(
                try await FailoverTests.value(
                    "SELECT count(*) FROM jobs.jobs WHERE id = ANY(\(ids)::uuid[])",
                    cluster
                ) == 50
            )
            worker.cancel()
            await worker.value
        }
    }

    @Test func `with Postgres down every service answers 503 quickly, and recovers with all that was acknowledged`()
        async throws
    {
        try await Cluster.run { cluster in
            let paths = [
                (cluster.jobQueue, "/api/jobs"), (cluster.agent, "/api/projects"),
                (cluster.notification, "/api/callbacks"),
            ]
            var acknowledged: Set<String> = []
            var slowest = Duration.zero
            for _ in 0..<2 {
                let submitting = Task { () async throws -> Set<String> in
                    var ids: Set<String> = []
                    // Until the database is gone.
                    while case let more = try await FailoverTests.submit(1, to: cluster.jobQueue, cluster),
                        !more.isEmpty
                    {
                        ids.formUnion(more)
                    }
                    return ids
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 100..<600)))
                try await cluster.database.kill()
                acknowledged.formUnion(try await submitting.value)
                // The first call of a service may meet the broken connection, later ones an unavailable database.
                for round in 0..<3 {
                    for (service, path) in paths {
                        let start = ContinuousClock.now
                        let answer = try await cluster.get("http://127.0.0.1:\(service.port)\(path)")
                        let elapsed = ContinuousClock.now - start
                        #expect(answer.status == 503, "\(service.name): \(answer.text)")
                        slowest = max(slowest, elapsed)
                        #expect(elapsed < .seconds(6), "\(service.name) took \(elapsed) in round \(round)")
                        #expect(answer.headers["Retry-After"] != nil)
                    }
                }
                try await cluster.database.restart()
                for (service, path) in paths {
                    try await eventually("\(service.name) recovers") {
                        try await cluster.get("http://127.0.0.1:\(service.port)\(path)").status == 200
                    }
                }
            }
            print("outage: \(acknowledged.count) jobs acknowledged; the slowest 503 took \(slowest)")
            #expect(acknowledged.count > 3)
            let kept: Int64 = try await FailoverTests.value(
                "SELECT count(*) FROM jobs.jobs WHERE id = ANY(\(Array(acknowledged))::uuid[])",
                cluster
            )
            #expect(kept == acknowledged.count)
        }
    }

    /// The ids of jobs that were acknowledged; empty when they were refused.
    private static func submit(_ count: Int, to service: ServiceProgram, _ cluster: Cluster) async throws
        -> Set<String>
    {
        let jobs = Array(repeating: #"{"kind":"nobody","params":{}}"#, count: count).joined(separator: ",")
        let answer = try await cluster.post(service, "/api/jobs/batch", "{\"jobs\":[\(jobs)]}")
        guard (200..<300).contains(answer.status) else { return [] }
        let root = try JSONDocument(parsing: answer.body).root
        return Set(root["items"]?.elements.compactMap { $0["job_id"]?.string } ?? [])
    }

    /// One number; asked again while the observer's own connection is broken or there is none.
    private static func value(_ sql: SQL, _ cluster: Cluster) async throws -> Int64 {
        while true {
            do {
                if let row = try await cluster.pool.query(sql).first { return try row.decode(0) }
            } catch let error as PostgresError where error.isConnectionLost || error.isRetriable {
                // Again.
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
