import Foundation
import HTTPClient
import JSON
import Postgres
import TestSupport
import Testing

/// Clocks that are wrong. The database's clock judges leases, times and deadlines, so a service whose own clock jumps about
/// by days breaks nothing. Needs libfaketime (the package `faketime`).
@Suite(.timeLimit(.minutes(5)), .serialized) struct ClockTests {
    static let library = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    ]
    .first { FileManager.default.fileExists(atPath: $0) }

    @Test(.enabled(if: library != nil, "libfaketime is not installed"))
    func `a service whose clock jumps by days ends nothing early, late or twice`() async throws {
        let library = try #require(ClockTests.library)
        let file = FileManager.default.temporaryDirectory.appending(path: "martlet-clock-\(UUID())")
        @Sendable func set(_ offset: String) throws { try offset.write(to: file, atomically: true, encoding: .utf8) }
        try set("+0")
        let wrong = [
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file.path, "FAKETIME_CACHE_DURATION": "1",
            // What waits is measured by a clock that nobody sets.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        ]
        try await Cluster.run(replicas: 1, replicaEnvironment: wrong) { cluster in
            try await JobRecorder.install(cluster.pool)
            let ledger = ChaosTests.Ledger()
            let replicas = [cluster.jobQueue] + cluster.replicas
            let workers = (0..<4)
                .map { _ in Task { await TestWorker(cluster: cluster, replicas: replicas, ledger: ledger).run() } }
            let submitting = Task {
                await ChaosTests.submit(nil, in: cluster, to: replicas, keeping: 100, ledger)
            }
            var (jobs, times): ([String], [String]) = ([], [])
            for hours in [720, -720, 2, -2] {
                try set("\(hours > 0 ? "+" : "")\(hours)h")
                try await eventually("its clock has jumped") {
                    try await ClockTests.hours(ahead: cluster.replicas[0], in: cluster) == hours
                }
                // A moment that the submitter names, and a deadline that is far enough.
                let due =
                    try await cluster.pool
                    .query(
                        "SELECT shared.rfc3339(now() + interval '1500 ms'), shared.rfc3339(now() + interval '120 s')"
                    )[0]
                let (time, deadline): (String, String) = (try due.decode(0), try due.decode(1))
                let answer = try await cluster.post(
                    cluster.replicas[0],
                    "/api/jobs",
                    #"{"kind":"chaos","params":{},"run_at":"\#(time)","deadline_at":"\#(deadline)","max_attempts":50}"#
                )
                try #require(answer.status == 201, "\(answer.text)")
                let id = try #require(try JSONDocument(parsing: answer.body).root["job_id"]?.string)
                jobs.append(id)
                times.append(time)
                await ledger.add(id)
                try await ChaosTests.finish(100, in: cluster)
            }
            let history = try await ChaosTests.settle(submitting, workers, ledger, in: cluster, atLeast: 100)
            // The clocks were wrong by hours at least; a busy machine is late by seconds.
            let untimely = try await ChaosTests.count(
                """
                SELECT count(*) FROM unnest(\(jobs), \(times)) AS wish (id, time)
                LEFT JOIN jobs.jobs AS job ON job.id = wish.id::uuid AND job.started_at >= wish.time::timestamptz
                    AND job.started_at < wish.time::timestamptz + interval '30 s'
                WHERE job.id IS NULL
                """,
                in: cluster
            )
            #expect(untimely == 0, "a job was not run at its time")
            let deaths = try await ChaosTests.count("SELECT sum(lease_deaths) FROM jobs.jobs", in: cluster)
            #expect(deaths == 0, "a worker was taken for dead")
            print("clocks: \(history.summary)")
        }
        try FileManager.default.removeItem(at: file)
    }

    /// How far a service's clock is ahead of this process's, by the date of its answers.
    private static func hours(ahead service: ServiceProgram, in cluster: Cluster) async throws -> Int {
        let answer = try await cluster.get("http://127.0.0.1:\(service.port)/ready")
        let form = DateFormatter()
        form.locale = Locale(identifier: "en_US_POSIX")
        form.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        let date = try #require(answer.headers["Date"].flatMap { form.date(from: $0) })
        return Int((date.timeIntervalSinceNow / 3600).rounded())
    }
}
