import Concurrency
import JSON

/// How many jobs a second workers lease, begun with the lease, and complete over HTTP, up to 100 at once. They stop when
/// so many are done; there may be more in line.
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
        let progress = Progress()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<sessions { group.addTask { try await session(services.replica(number), progress) } }
            try await group.waitForAll()
        }
        let done = progress.done
        guard done >= jobs else { throw Incomplete(done: done, jobs: jobs) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return "jobs=\(done) seconds=\(seconds) jobs_per_s=\(Double(done) / seconds)"
    }

    /// Works until enough is done or nothing is left.
    private func session(_ services: Services, _ progress: Progress) async throws {
        let worker = try await services.worker(WorkRow.kind, capacity: 1000)
        while progress.done < jobs {
            let answer = try await services.post("/api/workers/\(worker)/acquire") {
                $0.member("max", 100)
                $0.member("wait_ms", 0)
                $0.member("start", true)
            }
            let leases = answer["leases"]?.elements.map { $0 } ?? []
            guard !leases.isEmpty else { break }
            progress.add(try await services.settle("complete", worker, leases))
        }
        try await services.close(worker)
    }
}

/// What all sessions have done.
private final class Progress: Sendable {
    private let count = Lock(0)
    var done: Int { count.withLock { $0 } }
    func add(_ done: Int) { count.withLock { $0 += done } }
}
