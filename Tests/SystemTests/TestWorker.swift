import Foundation
import HTTPClient
import JSON
import Kernel

/// A worker outside of the services, as hostile as real ones: it loses its session, repeats verbs, and fails now and then.
struct TestWorker: Sendable {
    let cluster: Cluster
    /// The replicas that a session may be opened at; the first one when there are none.
    var replicas: [ServiceProgram] = []
    /// Hears of every completion that was acknowledged.
    var ledger: ChaosTests.Ledger?

    /// Works until cancelled, whatever the services do meanwhile.
    func run() async {
        while !Task.isCancelled {
            do {
                try await session()
            } catch {
                // The service is away, or gave the session up: begin again.
                do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
            }
        }
    }

    private func call(_ service: ServiceProgram, _ path: String, _ body: String) async throws -> JSONElement {
        let response = try await cluster.post(service, path, body)
        guard (200..<300).contains(response.status) else { throw Refused(status: response.status) }
        return try JSONDocument(parsing: response.body).root
    }

    struct Refused: Error { let status: Int }

    private func session() async throws {
        let service = replicas.randomElement() ?? cluster.jobQueue
        func call(_ path: String, _ body: String) async throws -> JSONElement {
            try await self.call(service, path, body)
        }
        let session = try await call("/api/workers", #"{"name":"w","kinds":["chaos"],"capacity":50}"#)
        guard let worker = session["worker_id"]?.string else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await Task.sleep(for: .milliseconds(500))
                    _ = try await call("/api/workers/\(worker)/heartbeat", "{}")
                }
            }
            group.addTask {
                while true {
                    let leases = try await call("/api/workers/\(worker)/acquire", #"{"max":20,"wait_ms":1000}"#)
                    try await work(worker, leases["leases"]?.elements.map { $0 } ?? [], call)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func work(
        _ worker: String,
        _ leases: [JSONElement],
        _ call: (String, String) async throws -> JSONElement
    ) async throws {
        guard !leases.isEmpty else { return }
        let keys = leases.map { "\"job_id\":\"\($0["job_id"]?.string ?? "")\",\"fence\":\($0["fence"]?.int ?? 0)" }
        func items(_ keys: [String], _ more: (Int) -> String) -> String {
            "{\"items\":[" + keys.enumerated().map { "{\($1)\(more($0))}" }.joined(separator: ",") + "]}"
        }
        _ = try await call("/api/workers/\(worker)/start", items(keys) { _ in "" })
        // Some attempts fail; all of those have attempts left.
        let failing = leases.indices.filter { (leases[$0]["attempt"]?.int ?? 9) == 1 && Int.random(in: 0..<10) == 0 }
        let done = leases.indices.filter { !failing.contains($0) }
        if !failing.isEmpty {
            let body = items(failing.map { keys[$0] }) { _ in #","code":"CHAOS","message":"unlucky""# }
            _ = try await call("/api/workers/\(worker)/fail", body)
        }
        if !done.isEmpty {
            let body = items(done.map { keys[$0] }) { index in
                let id = leases[done[index]]["job_id"]?.string ?? ""
                return ",\"result_url\":\"https://example.invalid/\(id)\",\"result\":{\"bytes\":1}"
            }
            let answer = try await call("/api/workers/\(worker)/complete", body)
            let acknowledged = answer["items"]?.elements.filter { $0["status"]?.string == "ok" } ?? []
            await ledger?.addCompleted(acknowledged.compactMap { $0["job_id"]?.string })
            // A repeated verb changes nothing.
            _ = try await call("/api/workers/\(worker)/complete", body)
        }
    }
}
