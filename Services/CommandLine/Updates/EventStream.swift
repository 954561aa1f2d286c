import HTTPClient
import Kernel

/// Follows a service's event stream, and goes on where it was after a lost connection.
struct EventStream: Sendable {
    let services: ServiceClient
    let base: String
    let path: String
    /// Failures in a row after which it is given up.
    var patience = 8

    /// Calls `take` with the data of all that comes, until it returns `false`, and with `nil` when the stream stands:
    /// what happens from then on is seen.
    ///
    /// - Throws: `CommandFailure` when the service refuses, or stays unreachable.
    func follow(_ take: (String?) async throws -> Bool) async throws {
        var cursor = ""
        var failures = 0
        let backoff = Backoff(from: .milliseconds(200), cap: .seconds(5))
        while true {
            do {
                if try await connect(&cursor, &failures, take) { return }
            } catch let error as ClientError {
                failures += 1
                guard failures < patience else { throw ServiceClient.unreachable(base, error) }
            }
            try await Task.sleep(for: backoff.wait(afterAttempt: max(1, failures), random: .system) + .milliseconds(50))
        }
    }

    /// One connection; returns whether all is done.
    private func connect(
        _ cursor: inout String,
        _ failures: inout Int,
        _ take: (String?) async throws -> Bool
    ) async throws -> Bool {
        var headers = services.headers(for: base) + [(name: "Accept", value: "text/event-stream")]
        if !cursor.isEmpty { headers.append((name: "Last-Event-ID", value: cursor)) }
        let request = ClientRequest(
            "GET",
            base + path,
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
        guard try await take(nil) else { return true }
        var events = ServerSentEvents()
        for try await chunk in response.body {
            for event in try events.feed(chunk) {
                if !event.lastEventID.isEmpty { cursor = event.lastEventID }
                guard try await take(event.data) else { return true }
            }
        }
        return false
    }
}
