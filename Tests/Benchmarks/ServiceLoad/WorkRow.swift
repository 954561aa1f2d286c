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
        try await services.submit(jobs, kind: WorkRow.kind)
        let begin = ContinuousClock.now
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<sessions { group.addTask { try await session() } }
            return try await group.reduce(0, +)
        }
        guard done == jobs else { throw Incomplete(done: done, jobs: jobs) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return "jobs=\(done) seconds=\(seconds) jobs_per_s=\(Double(done) / seconds)"
    }

    /// Works until nothing is left; returns how many jobs it completed.
    private func session() async throws -> Int {
        let worker = try await services.worker(WorkRow.kind, capacity: 1000)
        var done = 0
        while true {
            let answer = try await services.post("/api/workers/\(worker)/acquire") {
                $0.member("max", 100)
                $0.member("wait_ms", 0)
            }
            let leases = answer["leases"]?.elements.map { $0 } ?? []
            guard !leases.isEmpty else { return done }
            _ = try await services.settle("start", worker, leases)
            done += try await services.settle("complete", worker, leases)
        }
    }
}
