import HTTPClient
import JSON
import Kernel

/// Follows a context over the notification service's event stream, and goes on where it was after a lost connection.
struct LiveUpdates: Sendable {
    /// What came.
    enum News: Sendable {
        /// The stream stands; what happens from now on is seen.
        case connected
        /// News of a job.
        case job(JobUpdate)
        /// News of something else, such as a card.
        case other(JSONElement)
    }

    let services: ServiceClient
    let context: String
    /// Failures in a row after which it is given up.
    var patience = 8

    /// Calls `take` for all that comes, until it returns `false`.
    ///
    /// - Throws: `CommandFailure` when the service refuses, or stays unreachable.
    func follow(_ take: (News) async throws -> Bool) async throws {
        var cursor = ""
        var failures = 0
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
        while true {
            do {
                if try await connect(&cursor, &failures, take) { return }
            } catch let error as ClientError {
                failures += 1
                guard failures < patience else {
                    throw ServiceClient.unreachable(services.endpoints.notification, error)
                }
            }
            try await Task.sleep(for: backoff.wait(afterAttempt: max(1, failures), random: .system) + .milliseconds(50))
        }
    }

    /// One connection; returns whether all is done.
    private func connect(
        _ cursor: inout String,
        _ failures: inout Int,
        _ take: (News) async throws -> Bool
    ) async throws -> Bool {
        let base = services.endpoints.notification
        var headers = services.headers(for: base) + [(name: "Accept", value: "text/event-stream")]
        if !cursor.isEmpty { headers.append((name: "Last-Event-ID", value: cursor)) }
        let request = ClientRequest(
            "GET",
            "\(base)/sse?context_id=\(context)",
            headers: headers,
            timeouts: .streaming(connect: .seconds(3), idle: .seconds(45))
        )
        let response = try await services.client.stream(request)
        guard response.status == 200 else {
            var body: [UInt8] = []
            for try await chunk in response.body where body.count < 65_536 { body += chunk }
            guard response.status < 500, response.status != 429 else { throw ClientError.connectionLost }
            throw ServiceClient.refusal(response.status, body, of: base)
        }
        failures = 0
        guard try await take(.connected) else { return true }
        var events = ServerSentEvents()
        for try await chunk in response.body {
            for event in try events.feed(chunk) {
                if !event.lastEventID.isEmpty { cursor = event.lastEventID }
                for news in try LiveUpdates.news(event.data) where try await !take(news) { return true }
            }
        }
        return false
    }

    /// What a message says.
    static func news(_ text: String) throws -> [News] {
        let message = try JSONDocument(parsing: text).root
        switch message["type"]?.string {
        case "snapshot":
            return message["jobs"]?.elements.compactMap { JobUpdate($0).map(News.job) } ?? []
        case "job_update":
            return message["data"].flatMap { JobUpdate($0) }.map { [.job($0)] } ?? []
        case "event": return message["data"].map { [.other($0)] } ?? []
        default: return []
        }
    }
}
