import Contracts
import Crypto
import Edge
import HTTPClient
import JSON
import Kernel
import Telemetry

/// Submits jobs to the job queue over HTTP.
///
/// Every submission has an Idempotency-Key, so it is safe to send it again when no answer came.
struct JobQueueClient: Sendable {
    /// What the job queue answered to a submission.
    struct Accepted: Sendable {
        let body: [UInt8]
        let location: String?
        /// Whether this is the first answer again.
        let isReplayed: Bool
    }

    let client: Client
    let directory: ServiceDirectory
    let token: Secret<String>?
    let logger: Logger

    /// Submits a job.
    ///
    /// - Throws: the job queue's own refusal of what the caller asked for; `UPSTREAM_FAILED` for what is between us
    ///   and it; `SERVICE_UNAVAILABLE` when it is not to be reached.
    func submit(_ body: [UInt8], key: String, requestID: String, trace: TraceContext) async throws -> Accepted {
        var headers = [
            (name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json"),
            (name: "Idempotency-Key", value: key), (name: "X-Request-ID", value: requestID),
        ]
        if let token { headers.append((name: "Authorization", value: "Bearer \(token.reveal())")) }
        let response: ClientResponse
        do {
            response = try await directory.withURL(of: .jobQueue) { url in
                let request = ClientRequest(
                    "POST",
                    "\(url)/api/jobs",
                    headers: headers,
                    body: .bytes(body),
                    timeouts: .init(connect: .seconds(2), total: .seconds(10)),
                    retry: .safe(attempts: 3, longestWait: .seconds(2)),
                    trace: trace
                )
                return try await client.send(request)
            }
        } catch let error as ClientError {
            logger.warning("job queue not reached", ["request_id": requestID, "error": "\(error)"])
            throw ServiceError(
                .serviceUnavailable,
                "the job queue is not reachable; try again with the same Idempotency-Key",
                retryAfter: .seconds(2)
            )
        }
        guard (200..<300).contains(response.status) else { throw refusal(response, requestID) }
        return Accepted(
            body: response.body,
            location: response.headers["Location"],
            isReplayed: response.headers["Idempotency-Replayed"] == "true"
        )
    }

    /// Cancels a job; one that has ended already is left as it is.
    func cancel(_ job: JobID, requestID: String, trace: TraceContext) async throws {
        var headers = [(name: "Accept", value: "application/json"), (name: "X-Request-ID", value: requestID)]
        if let token { headers.append((name: "Authorization", value: "Bearer \(token.reveal())")) }
        let response: ClientResponse
        do {
            response = try await directory.withURL(of: .jobQueue) { url in
                let request = ClientRequest(
                    "POST",
                    "\(url)/api/jobs/\(job)/cancel",
                    headers: headers,
                    timeouts: .init(connect: .seconds(2), total: .seconds(10)),
                    trace: trace
                )
                return try await client.send(request)
            }
        } catch let error as ClientError {
            logger.warning("job queue not reached", ["request_id": requestID, "error": "\(error)"])
            throw ServiceError(.serviceUnavailable, "the job queue is not reachable", retryAfter: .seconds(2))
        }
        switch response.status {
        case 200..<300, 409: return
        case 401, 403:
            logger.error("job queue does not let the agent cancel", ["request_id": requestID])
            throw ServiceError(.upstreamFailed, "the job queue does not let this service cancel jobs")
        default: throw refusal(response, requestID)
        }
    }

    /// Whether the job queue's process turns.
    func isAlive() async throws -> Bool {
        let url = directory.url(of: .jobQueue)
        let timeouts = ClientRequest.Timeouts(connect: .seconds(2), total: .seconds(4))
        return try await client.send(ClientRequest("GET", "\(url)/live", timeouts: timeouts)).status == 200
    }

    /// Under which key the job queue knows a caller's key: callers choose theirs without knowing of one another, and
    /// we call in the name of all of them. Hashed, because together they could be too long.
    static func key(_ callers: String?, of caller: String) -> String {
        guard let callers else { return "agent:\(IdentifierSource().uuid())" }
        return "agent:\(Hex.encode(SHA256.hash(Array("\(caller)\n\(callers)".utf8))))"
    }

    private func refusal(_ response: ClientResponse, _ requestID: String) -> ServiceError {
        let error: JSONElement?
        do {
            error = try JSONDocument(parsing: response.body).root["error"]
        } catch {
            return failed(response.status, requestID)
        }
        // 401 and 403 speak of our token, not of the caller's.
        guard (400..<500).contains(response.status), response.status != 401, response.status != 403,
            let code = error?["code"]?.string, let message = error?["message"]?.string
        else { return failed(response.status, requestID) }
        return ServiceError(
            ErrorCode(code, response.status, retryable: error?["retryable"]?.bool == true),
            message,
            details: error?.value("details")?.raw ?? .emptyObject,
            retryAfter: response.headers["Retry-After"].flatMap { Int($0) }.map { .seconds($0) }
        )
    }

    private func failed(_ status: Int, _ requestID: String) -> ServiceError {
        logger.error("job queue failed", ["request_id": requestID, "status": status])
        return ServiceError(.upstreamFailed, "the job queue could not take the job; try again")
    }
}
