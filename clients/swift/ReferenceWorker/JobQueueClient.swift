import HTTPClient
import JSON
import Kernel
import Telemetry

/// Calls the worker API until it answers: every call may be repeated, so an answer that was lost is asked for again.
struct JobQueueClient: Sendable {
    /// The job queue does not know the session: it was silent for too long.
    struct SessionGone: Error {}

    /// The request will never be taken.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    let client = Client(ClientSettings(name: "reference-worker"), logger: .silent, metrics: Metrics())
    let url: String
    let token: Secret<String>

    /// Posts an object.
    ///
    /// - Throws: `SessionGone`, `Refused`, or `CancellationError` when nobody waits for the answer any more.
    func post(_ path: String, _ members: (inout JSONWriter) -> Void) async throws -> JSONElement {
        try await call("POST", path, JSONWriter.bytes { $0.object(members) })
    }

    func call(_ method: String, _ path: String, _ body: [UInt8]? = nil) async throws -> JSONElement {
        let backoff = Backoff(from: .milliseconds(100), cap: .seconds(5))
        var attempt = 0
        while true {
            try Task.checkCancellation()
            attempt += 1
            // Full jitter: workers that lost the same service do not come back together.
            var wait = backoff.wait(afterAttempt: attempt, random: .system) + .milliseconds(50)
            do {
                let answer = try await client.send(request(method, path, body))
                if (200..<300).contains(answer.status) {
                    return answer.body.isEmpty ? .null : try JSONDocument(parsing: answer.body).root
                }
                if answer.status == 404, answer.text.contains("WORKER_NOT_FOUND") { throw SessionGone() }
                guard [408, 429].contains(answer.status) || answer.status >= 500 else {
                    throw Refused(description: "\(method) \(path): \(answer.status) \(answer.text)")
                }
                wait = max(wait, answer.head.retryAfter(now: WallClock.system.now()) ?? .zero)
            } catch is ClientError {
                // Not reached, or cut off: it may have had its effect, and a repetition changes nothing.
            }
            try await Task.sleep(for: wait)
        }
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8]?) -> ClientRequest {
        var headers = [(name: "Authorization", value: "Bearer \(token.reveal())")]
        if body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        return ClientRequest(
            method,
            url + path,
            headers: headers,
            body: body.map { .bytes($0) } ?? .none,
            timeouts: .init(connect: .seconds(3), total: .seconds(30))
        )
    }
}
