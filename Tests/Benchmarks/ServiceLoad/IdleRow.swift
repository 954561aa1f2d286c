import JSON

/// Workers that have nothing to do: each waits for a job in a long poll, and keeps its session alive.
struct IdleRow: Sendable {
    let services: Services
    let workers: Int
    let duration: Duration

    /// Prints a line when all of them wait, and returns when the time is over.
    func measure() async throws -> String {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<workers {
                let worker = try await services.worker("bench-idle", capacity: 1)
                group.addTask { try await poll(worker) }
                group.addTask { try await beat(worker) }
            }
            try await Task.sleep(for: .seconds(2))
            print("waiting=\(workers)")
            try await Task.sleep(for: duration)
            group.cancelAll()
        }
        return "workers=\(workers)"
    }

    private func poll(_ worker: String) async throws {
        while true {
            _ = try await services.post("/api/workers/\(worker)/acquire") { $0.member("wait_ms", 30_000) }
        }
    }

    private func beat(_ worker: String) async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            _ = try await services.post("/api/workers/\(worker)/heartbeat") { _ in }
        }
    }
}
