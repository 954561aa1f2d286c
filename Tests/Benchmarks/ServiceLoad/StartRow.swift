import Concurrency
import HTTPClient
import JSON
import Kernel

/// How long it takes from before a submission until a worker has the job, with workers that wait for it.
struct StartRow: Sendable {
    private static let kind = "bench-start"
    let services: Services
    let jobs: Int
    let pause: Duration
    var workers = 8

    func measure() async throws -> String {
        let arrivals = Arrivals()
        let sent = try await withDeadline(pause * jobs + .seconds(60), for: "the starts of all jobs") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<workers { group.addTask { try await work(arrivals) } }
                // The workers are to wait when the first job comes.
                try await Task.sleep(for: .milliseconds(200))
                let sent = try await submit()
                while arrivals.count < jobs { try await Task.sleep(for: .milliseconds(5)) }
                group.cancelAll()
                return sent
            }
        }
        let waits = Quantiles(sent.compactMap { id, start in arrivals[id].map { $0 - start } })
        return "jobs=\(sent.count) p50_ms=\(waits[0.5]) p95_ms=\(waits[0.95]) p99_ms=\(waits[0.99])"
    }

    private func submit() async throws -> [String: ContinuousClock.Instant] {
        try await withThrowingTaskGroup(of: (String?, ContinuousClock.Instant).self) { group in
            let begin = ContinuousClock.now
            for number in 0..<jobs {
                try await Task.sleep(until: begin + pause * number)
                // A slow answer must not hold up the next submission.
                group.addTask {
                    let start = ContinuousClock.now
                    let job = try await services.post("/api/jobs") {
                        $0.member("kind", StartRow.kind)
                        $0.member("params") { $0.object { $0.member("number", number) } }
                    }
                    return (job["job_id"]?.string, start)
                }
            }
            return try await group.reduce(into: [:]) { sent, pair in if let id = pair.0 { sent[id] = pair.1 } }
        }
    }

    /// Takes one job at a time, as soon as it comes, and completes it.
    private func work(_ arrivals: Arrivals) async throws {
        let worker = try await services.worker(StartRow.kind, capacity: 10)
        while true {
            let answer = try await services.post("/api/workers/\(worker)/acquire") {
                $0.member("max", 1)
                $0.member("wait_ms", 5000)
            }
            let now = ContinuousClock.now
            let leases = answer["leases"]?.elements.map { $0 } ?? []
            guard !leases.isEmpty else { continue }
            for lease in leases { arrivals.note(lease["job_id"]?.string, at: now) }
            _ = try await services.settle("start", worker, leases)
            _ = try await services.settle("complete", worker, leases)
        }
    }
}

/// When each job was first seen by a worker.
private final class Arrivals: Sendable {
    private let times = Lock<[String: ContinuousClock.Instant]>([:])

    var count: Int { times.withLock { $0.count } }

    subscript(job: String) -> ContinuousClock.Instant? { times.withLock { $0[job] } }

    func note(_ job: String?, at moment: ContinuousClock.Instant) {
        guard let job else { return }
        times.withLock { $0[job] = $0[job] ?? moment }
    }
}
