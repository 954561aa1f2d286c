import Concurrency
import HTTPClient
import JSON
import Kernel

/// A server by Streamable HTTP: each request is a POST, whose answer is JSON or a stream of events that ends with it.
final class HTTPTransport: Transport {
    /// Bytes of one message.
    static let maximumMessage = 4 << 20
    /// Of all messages in one stream.
    static let maximumAnswer = 32 << 20
    /// Questions of the server in one stream.
    static let maximumQuestions = 20

    let silenceIsLegacy = false
    private let client: Client
    private let url: String
    private let headers: Secret<[(name: String, value: String)]>
    private let session = Lock<String?>(nil)
    /// What is spoken in the session.
    private let spoken = Lock<Revision?>(nil)

    init(_ client: Client, url: String, headers: Secret<[(name: String, value: String)]>) {
        self.client = client
        self.url = url
        self.headers = headers
    }

    /// There is no connection that could end; the session is closed at the end.
    func whileOpen(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        // In a task of its own: this one may be cancelled. Its time is bounded.
        await Task { await self.closeSession() }.value
        try result.get()
    }

    func forgetSession() { session.withLock { $0 = nil } }

    private func closeSession() async {
        guard session.withLock({ $0 }) != nil else { return }
        do {
            _ = try await send("DELETE", revision: spoken.withLock { $0 }, body: nil, limit: .seconds(2))
        } catch {
            // A courtesy: the server forgets the session by itself, and for us it is over in any case.
        }
        forgetSession()
    }

    // MARK: - Requests

    func exchange(_ request: Request, _ heard: @escaping @Sendable (Message) -> Void) async throws -> JSONElement {
        let sent = session.withLock { $0 }
        do {
            let response = try await post(request)
            if request.method == "initialize", let id = response.headers["Mcp-Session-Id"] {
                guard HTTPTransport.isSession(id) else { throw RemoteError.violation("a session's id that is none") }
                session.withLock { $0 = id }
            }
            return try await answer(response, to: request, hadSession: sent != nil, heard)
        } catch is CancellationError {
            // A modern server takes the end of the stream for it.
            if case .legacy = request.revision { await Task { await self.callOff(request) }.value }
            throw CancellationError()
        }
    }

    func notify(_ notification: Request) async throws { try await notify(notification, limit: .seconds(10)) }

    private func notify(_ notification: Request, limit: Duration) async throws {
        let response = try await post(notification, limit: limit)
        response.body.cancel()
        guard (200...299).contains(response.status) else { throw RemoteError.refused(status: response.status) }
    }

    private func callOff(_ request: Request) async {
        do {
            try await notify(request.cancellation, limit: .seconds(2))
        } catch {
            // Nobody waits for the answer any more, whether or not the server has heard that.
        }
    }

    func listen(_ revision: Revision, _ heard: @escaping @Sendable (Message) -> Void) async throws {
        _ = try await read(try await stream(revision), revision) { message in
            heard(message)
            return nil
        }
    }

    // MARK: - Answers

    private func answer(
        _ response: StreamingResponse,
        to request: Request,
        hadSession: Bool,
        _ heard: @escaping @Sendable (Message) -> Void
    ) async throws -> JSONElement {
        guard response.status == 200 else { throw await refusal(response, hadSession: hadSession) }
        switch HTTPTransport.type(response) {
        case "application/json":
            let message = try Message(parsing: try await collect(response.body, atMost: HTTPTransport.maximumMessage))
            guard case .answer(let id, let result) = message, id == request.id else {
                throw RemoteError.violation("an answer to something else")
            }
            return try result.get()
        case "text/event-stream":
            return try await follow(response.body, to: request, heard).get()
        default:
            response.body.cancel()
            throw RemoteError.violation("an answer that is neither JSON nor a stream of events")
        }
    }

    private func refusal(_ response: StreamingResponse, hadSession: Bool) async -> RemoteError {
        switch response.status {
        case 401, 403: return .unauthorized(response.status)
        case 404 where hadSession: return .sessionEnded
        case 202, 204: return .violation("a request without an answer")
        default: break
        }
        do {
            // A word of the protocol, whatever the status.
            let body = try await collect(response.body, atMost: 64 << 10)
            if case .answer(_, .failure(let error)) = try Message(parsing: body) { return error }
        } catch {
            // What it says cannot be read: the status is all there is.
        }
        return .refused(status: response.status)
    }

    // MARK: - HTTP

    private func post(_ request: Request, limit: Duration? = nil) async throws -> StreamingResponse {
        var own: [(name: String, value: String)] = []
        spoken.withLock { $0 = request.revision ?? $0 }
        if request.revision == .modern {
            own.append(("Mcp-Method", request.method))
            if let subject = request.subject { own.append(("Mcp-Name", HeaderText.encode(subject))) }
            own += request.headers
        }
        return try await send("POST", revision: request.revision, body: request.body, own, limit: limit, request)
    }

    func send(
        _ method: String,
        revision: Revision?,
        body: [UInt8]?,
        _ more: [(name: String, value: String)] = [],
        limit: Duration?,
        _ request: Request? = nil
    ) async throws -> StreamingResponse {
        var headers = self.headers.reveal() + more
        headers.append(("Accept", method == "GET" ? "text/event-stream" : "application/json, text/event-stream"))
        if body != nil { headers.append(("Content-Type", "application/json")) }
        if let revision { headers.append(("MCP-Protocol-Version", revision.text)) }
        if revision != .modern, request?.method != "initialize", let id = session.withLock({ $0 }) {
            headers.append(("Mcp-Session-Id", id))
        }
        do {
            return try await client.stream(
                ClientRequest(
                    method,
                    url,
                    headers: headers,
                    body: body.map { .bytes($0) } ?? .none,
                    timeouts: ClientRequest.Timeouts(connect: .seconds(5), total: limit, idle: .seconds(600)),
                    trace: request?.trace
                )
            )
        } catch let error as ClientError {
            throw HTTPTransport.describe(error)
        }
    }

    static func describe(_ error: ClientError) -> RemoteError {
        switch error {
        case .timedOut: .timedOut
        case .responseTooLarge, .headersTooLarge: .tooLarge("\(error)")
        case .protocolError: .violation("an answer that is not HTTP")
        default: .unreachable("\(error)")
        }
    }

    static func type(_ response: StreamingResponse) -> String {
        (response.headers["Content-Type"] ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
    }

    private static func isSession(_ id: String) -> Bool {
        (1...1_000).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
