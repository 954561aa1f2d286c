import JSON

/// How many jobs a second workers lease, start and complete over HTTP, each verb a batch of up to 100.
struct WorkRow: Sendable {
    private static let kind = "bench-work"
    let services: Services
    let jobs: Int
    let sessions: Int

    struct Incomplete: Error, CustomStringConvertible {
        let done: Int
        let jobs: Int
        var description: String { "\(done) of \(jobs) jobs were completed" }
    }

    func measure() async throws -> String {
        try await submit()
        let begin = ContinuousClock.now
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<sessions { group.addTask { try await session() } }
            return try await group.reduce(0, +)
        }
        guard done == jobs else { throw Incomplete(done: done, jobs: jobs) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return "jobs=\(done) seconds=\(seconds) jobs_per_s=\(Double(done) / seconds)"
    }

    private func submit() async throws {
        for first in stride(from: 0, to: jobs, by: 1000) {
            _ = try await services.post("/api/jobs/batch") {
                $0.member("jobs") {
                    $0.array {
                        for number in first..<min(first + 1000, jobs) {
                            $0.object {
                                $0.member("kind", WorkRow.kind)
                                $0.member("params") { $0.object { $0.member("number", number) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Works until nothing is left; returns how many jobs it completed.
    private func session() async throws -> Int {
        let session = try await services.post("/api/workers") {
            $0.member("name", "bench")
            $0.member("kinds", [WorkRow.kind])
            $0.member("capacity", 1000)
        }
        guard let worker = session["worker_id"]?.string else { return 0 }
        var done = 0
        while true {
            let answer = try await services.post("/api/workers/\(worker)/acquire") {
                $0.member("max", 100)
                $0.member("wait_ms", 0)
            }
            let leases = answer["leases"]?.elements.map { $0 } ?? []
            guard !leases.isEmpty else { return done }
            _ = try await settle("start", worker, leases)
            done += try await settle("complete", worker, leases)
        }
    }

    /// Sends one verb for all leases; returns how many it was granted for.
    private func settle(_ verb: String, _ worker: String, _ leases: [JSONElement]) async throws -> Int {
        let answer = try await services.post("/api/workers/\(worker)/\(verb)") {
            $0.member("items") {
                $0.array {
                    for lease in leases {
                        $0.object {
                            $0.member("job_id", lease["job_id"] ?? .null)
                            $0.member("fence", lease["fence"] ?? .null)
                        }
                    }
                }
            }
        }
        return answer["items"]?.elements.count { ($0["status"] ?? $0).string == "ok" } ?? 0
    }
}
