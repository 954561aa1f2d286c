import Contracts
import HTTPClient
import JSON
import Kernel
import Testing

/// Watches a card over Server-Sent Events, applies what comes, and comes back with its cursor whenever it is cut off.
actor TestSubscriber {
    struct Known: Equatable {
        var seq: Int
        var status: String
    }

    private let cluster: Cluster
    private let context: String
    private var cursor: String?
    /// What this subscriber believes of every job.
    private(set) var jobs: [String: Known] = [:]
    /// Jumps in a job's numbers that nothing announced.
    private(set) var gaps: [String] = []
    private(set) var reconnects = 0

    init(_ cluster: Cluster, context: String) {
        self.cluster = cluster
        self.context = context
    }

    /// Watches until cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await watch()
            } catch {
                // Cut off.
            }
            reconnects += 1
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }

    private func watch() async throws {
        var headers: [(name: String, value: String)] = [
            ("Authorization", "Bearer dev-token"), ("Accept", "text/event-stream"),
        ]
        if let cursor { headers.append(("Last-Event-ID", cursor)) }
        let response = try await cluster.client.stream(
            ClientRequest(
                "GET",
                "http://127.0.0.1:\(cluster.notification.port)/sse?context_id=\(context)",
                headers: headers,
                timeouts: .streaming(connect: .seconds(1), idle: .seconds(60))
            )
        )
        guard response.status == 200 else { throw TestWorker.Refused(status: response.status) }
        var parser = ServerSentEvents()
        for try await chunk in response.body {
            for event in try parser.feed(chunk) {
                try apply(JSONDocument(parsing: event.data).root)
                if !event.lastEventID.isEmpty { cursor = event.lastEventID }
            }
        }
    }

    private func apply(_ message: JSONElement) {
        switch message["type"]?.string {
        case "snapshot":
            for job in message["jobs"]?.elements.map({ $0 }) ?? [] { note(job, announced: true) }
        case "job_update": if let data = message["data"] { note(data, announced: false) }
        default: break
        }
    }

    private func note(_ data: JSONElement, announced: Bool) {
        guard let id = data["job_id"]?.string, let seq = data["seq"]?.int, let status = data["status"]?.string else {
            return
        }
        let last = jobs[id]?.seq ?? 0
        guard seq > last else { return }
        if !announced, seq != last + 1 { gaps.append("\(id): \(last) to \(seq)") }
        jobs[id] = Known(seq: seq, status: status)
    }
}
