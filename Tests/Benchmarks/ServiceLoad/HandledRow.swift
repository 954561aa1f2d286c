import JSON

/// How many jobs a second the service's own handlers complete, from the first submission to the last completion.
struct HandledRow: Sendable {
    private static let queue = "bench-handled"
    let services: Services
    let jobs: Int

    func measure() async throws -> String {
        let begin = ContinuousClock.now
        try await services.submit(jobs, kind: "echo", queue: HandledRow.queue)
        for status in ["queued", "processing"] {
            while try await !services.jobs("queue=\(HandledRow.queue)&status=\(status)&limit=1").isEmpty {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return "jobs=\(jobs) seconds=\(seconds) jobs_per_s=\(Double(jobs) / seconds)"
    }
}
