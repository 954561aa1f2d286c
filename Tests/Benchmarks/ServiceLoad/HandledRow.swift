import JSON

/// How many jobs a second the service's own handlers complete: a backlog in a paused queue, from its resumption on.
struct HandledRow: Sendable {
    private static let queue = "bench-handled"
    let services: Services
    let jobs: Int

    func measure() async throws -> String {
        _ = try await services.post("/api/queues/\(HandledRow.queue)/pause")
        try await services.submit(jobs, kind: "echo", queue: HandledRow.queue)
        let begin = ContinuousClock.now
        _ = try await services.post("/api/queues/\(HandledRow.queue)/resume")
        for status in ["queued", "processing"] {
            while try await !services.jobs("queue=\(HandledRow.queue)&status=\(status)&limit=1").isEmpty {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return "jobs=\(jobs) seconds=\(seconds) jobs_per_s=\(Double(jobs) / seconds)"
    }
}
