import Foundation
import HTTPClient
import JSON
import Postgres
import TestSupport
import Testing

/// Programs that stand still for longer than their leases, wake up, and believe that nothing has happened.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ZombieTests {
    @Test func `a replica that slept through its leases changes nothing when it wakes up`() async throws {
        try await Cluster.run(replicas: 1) { cluster in
            try await JobRecorder.install(cluster.pool)
            let ledger = ChaosTests.Ledger()
            let (sleeper, other) = (cluster.jobQueue, cluster.replicas[0])
            // Each replica has workers of its own, so that those of the sleeper sleep with it.
            let workers = [sleeper, other, sleeper, other]
                .map { replica in
                    Task { await TestWorker(cluster: cluster, replicas: [replica], ledger: ledger).run() }
                }
            let submitting = Task {
                await ChaosTests.submit(nil, in: cluster, to: [other], keeping: 100, ledger)
            }
            var slept = 0
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 300..<700)))
                await sleeper.freeze()
                let before = try await ChaosTests.finished(in: cluster)
                // Twice its lease: all its sessions are over, and their jobs have gone on elsewhere.
                try await Task.sleep(for: .seconds(4))
                slept += try await ChaosTests.finished(in: cluster) - before
                await sleeper.wakeUp()
            }
            let history = try await ChaosTests.settle(submitting, workers, ledger, in: cluster, atLeast: 100)
            let rescued = try await ChaosTests.count(
                "SELECT count(*) FROM jobs.jobs WHERE lease_deaths > 0 OR attempt > 1",
                in: cluster
            )
            print("zombies: \(history.summary); \(slept) jobs ended meanwhile, \(rescued) were taken from somebody")
            #expect(slept > 50, "the others wait for the sleeper")
        }
    }

    @Test func `a worker that slept through its lease is told so, and the job has one result`() async throws {
        try await Cluster.run { cluster in
            try await JobRecorder.install(cluster.pool)
            let slow = try await ZombieTests.worker(cluster, "slow")
            let answer = try await cluster.post(
                cluster.jobQueue,
                "/api/jobs",
                #"{"kind":"nap","params":{"do":"sleep","ms":1000}}"#
            )
            let id = try #require(try JSONDocument(parsing: answer.body).root["job_id"]?.string)
            let status: SQL = "SELECT count(*) FROM jobs.jobs WHERE status = 'processing'"
            try await eventually("it is begun") { try await ChaosTests.count(status, in: cluster) > 0 }
            await slow.signal(SIGSTOP)
            let heir = try await ZombieTests.worker(cluster, "heir")
            try await ChaosTests.allFinished(in: cluster)
            let sequence = try await ChaosTests.count("SELECT seq FROM jobs.jobs", in: cluster)
            await slow.signal(SIGCONT)
            // It works on once it has heard: another job for it alone.
            await heir.signal(SIGTERM)
            #expect(await heir.wait() == 0)
            let again = try await cluster.post(
                cluster.jobQueue,
                "/api/jobs",
                #"{"kind":"nap","params":{"do":"echo","value":"again"}}"#
            )
            #expect(again.status == 201)
            try await ChaosTests.allFinished(in: cluster)
            await slow.signal(SIGTERM)
            #expect(await slow.wait() == 0)
            var history = try await JobRecorder.history(cluster.pool)
            history.acknowledged = [id]
            #expect(history.offences == [])
            #expect(history.grants.count { $0.job == id } == 2)
            // The sleeper changed nothing.
            #expect(history.jobs.first { $0.id == id }?.seq == sequence)
        }
    }

    private static func worker(_ cluster: Cluster, _ name: String) async throws -> TestProcess {
        try await TestProcess(
            "/usr/bin/env",
            ["python3", DocumentationTests.root.appending(path: "clients/python/conformance_worker.py").path],
            environment: [
                "PATH": "/usr/bin:/bin:/usr/local/bin", "WORKER_KINDS": "nap", "PYTHONDONTWRITEBYTECODE": "1",
                "JOB_QUEUE_URL": "http://127.0.0.1:\(cluster.jobQueue.port)", "MARTLET_TOKEN": "dev-token",
            ],
            output: .file(cluster.logs.appending(path: "\(name).log").path)
        )
    }
}
