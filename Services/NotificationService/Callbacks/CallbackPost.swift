import Contracts
import Crypto
import Edge
import HTTPClient
import JSON
import Kernel
import Telemetry

/// What came of an attempt.
enum CallbackOutcome: Sendable {
    /// Answered with 2xx.
    case delivered
    /// The target is well and does not want this one.
    case refused(String)
    /// The target is away, or says that it is not well; it may have said for how long.
    case failed(String, retryAfter: Duration? = nil)
    /// It was not sent, which says nothing of the target.
    case unsent(String)

    /// Why it is not delivered.
    var failure: String? {
        switch self {
        case .delivered: nil
        case .refused(let reason), .failed(let reason, _), .unsent(let reason): reason
        }
    }
}

/// Sends a callback once: signed, to the agent or to a job's own URL.
struct CallbackPost: Sendable {
    let secret: Secret<String>
    /// Where the agent is now: not where it was when the callback was noted.
    let directory: ServiceDirectory
    let client: Client
    /// How long it may take.
    let timeout: Duration
    var clock = WallClock.system

    func send(_ callback: Callback) async throws -> CallbackOutcome {
        guard callback.target == .agent else { return try await send(callback, to: callback.url) }
        return try await directory.withURL(of: .agent) { base in
            try await send(callback, to: base + CallbackLedger.agentPath)
        }
    }

    private func send(_ callback: Callback, to url: String) async throws -> CallbackOutcome {
        let body = callback.body.bytes
        let time = clock.now().seconds
        let code = HMAC.sha256(
            key: Array(secret.reveal().utf8),
            message: CallbackHeader.signedBytes(time: time, body: body)
        )
        let request = ClientRequest(
            "POST",
            url,
            headers: [
                ("Content-Type", "application/json"),
                (CallbackHeader.signature, "t=\(time),v1=\(Hex.encode(code))"),
                (CallbackHeader.idempotencyKey, callback.eventID),
            ],
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(total: timeout),
            trace: callback.traceparent.flatMap { TraceContext(traceparent: $0)?.child() }
        )
        do {
            return outcome(try await client.send(request))
        } catch let error as ClientError {
            switch error {
            case .invalidURL, .invalidRequest, .addressRefused, .overloaded, .file, .shutDown:
                return .unsent(error.description)
            default: return .failed(error.description)
            }
        }
    }

    private func outcome(_ response: ClientResponse) -> CallbackOutcome {
        let said = "answered with \(response.status)"
        return switch response.status {
        case 200...299: .delivered
        case 408, 429, 500...: .failed(said, retryAfter: response.head.retryAfter(now: clock.now()))
        default: .refused(said)
        }
    }
}
