import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Store
import Telemetry

/// The Model Context Protocol at `/mcp`, by Streamable HTTP. Which era a request is of, the request itself says:
///
/// ```
///   POST ─▶ MCPGuard ─▶ MCPMessage ─┬─ its _meta or its header names a modern revision ─▶ modern: says all of itself
///                                   └─ else ─▶ legacy: initialize opens a session, the others are in one
///                                                    │
///   DELETE ends a session                            ▼
///                                             MCPMethods ─▶ JSON at once, or an event stream when it takes longer
/// ```
struct MCPEndpoint: Sendable {
    /// Bytes of a message.
    private static let largest = 4 << 20

    private static let listen = "subscriptions/listen"

    let guardian: MCPGuard
    let methods: MCPMethods
    let listening: MCPListening
    let sessions: MCPSessions
    let calls: MCPCalls
    let logger: Logger

    func add(to api: inout API) {
        api.serve(.post, MCPGuard.path, atMost: MCPEndpoint.largest, endsWithClient: true) { request in
            await guarded(request) { principal in try await post(request, principal) }
        }
        api.serve(.delete, MCPGuard.path, atMost: 0) { request in
            await guarded(request) { principal in
                guard let id = request.headers["Mcp-Session-Id"] else {
                    throw ServiceError(.badRequest, "Mcp-Session-Id is missing")
                }
                guard try await sessions.close(id, of: principal.name) else { throw MCPEndpoint.noSession }
                return Response(.noContent)
            }
        }
        for path in [MCPGuard.metadataPath, MCPGuard.metadataPath + MCPGuard.path] {
            api.serve(.get, path, atMost: 0) { [guardian] request in guardian.metadata(request) }
        }
    }

    /// A session that is over, or never was: the client opens another.
    private static let noSession = ServiceError(.notFound("SESSION"), "there is no such session; initialize again")

    /// Answers whoever is let in.
    private func guarded(
        _ request: Request,
        _ body: (Principal) async throws -> Response
    ) async -> Response {
        do {
            return try await body(try await guardian.admit(request))
        } catch let refusal as MCPGuard.Refusal {
            return refusal.response(to: request)
        } catch {
            if let refusal = ServiceError.describing(error) { return API.response(for: refusal, to: request) }
            logger.error("mcp request failed", ["error": "\(error)"])
            return API.response(for: ServiceError(.internalError, "something went wrong here"), to: request)
        }
    }

    private func post(_ request: Request, _ principal: Principal) async throws -> Response {
        guard MediaType.isJSON(request.headers["Content-Type"]) else {
            throw ServiceError(.unsupportedMediaType, "the body must be application/json")
        }
        let accept = request.headers.all("Accept").joined(separator: ",")
        guard MediaType.accepts(accept, "application/json"), MediaType.accepts(accept, "text/event-stream") else {
            throw ServiceError(.notAcceptable, "Accept must list application/json and text/event-stream")
        }
        let message: MCPMessage
        do {
            message = try MCPMessage(parsing: request.body.bytes)
        } catch {
            return MCPEndpoint.refuse(error, nil)
        }
        let version = request.headers["MCP-Protocol-Version"]
        // The body is asked first: a proxy may have changed headers, and says nothing of its own in the body.
        let isModern = message.meta("protocolVersion") != nil || version == MCPVersion.modern
        return isModern
            ? try await modern(message, request, principal) : try await legacy(message, request, principal, version)
    }

    // MARK: - The modern era

    private func modern(_ message: MCPMessage, _ request: Request, _ principal: Principal) async throws -> Response {
        switch message.kind {
        case .response: return MCPEndpoint.refuse(.invalid("nothing was asked, so nothing can be answered"), nil)
        case .notification: return Response(.accepted)
        case .request(let id):
            do {
                try ModernHeaders.check(message, request.headers)
            } catch {
                return MCPEndpoint.refuse(error, id)
            }
            if message.method == "server/discover" {
                let result = MCPResults(isModern: true)
                    .cached(for: .seconds(300)) { json in
                        json.member("supportedVersions", [MCPVersion.modern])
                        methods.describe(isModern: true, to: &json)
                    }
                return MCPEndpoint.reply(MCPMessage.result(result, to: id), 200)
            }
            guard
                MCPMethods.names.contains(message.method) || MCPTasks.methods.contains(message.method)
                    || message.method == MCPEndpoint.listen
            else {
                return MCPEndpoint.refuse(.noMethod(message.method, status: 404), id)
            }
            return try await answer(message, id, request, principal, session: nil)
        }
    }

    // MARK: - The legacy era

    private func legacy(
        _ message: MCPMessage,
        _ request: Request,
        _ principal: Principal,
        _ version: String?
    ) async throws -> Response {
        if message.method == "initialize", let id = message.id { return try await initialize(message, id, principal) }
        guard MCPVersion.legacy.contains(version ?? MCPVersion.unsaid) else {
            return MCPEndpoint.refuse(.invalid("this revision is not spoken: \(MCPVersion.all)"), message.id)
        }
        guard let name = request.headers["Mcp-Session-Id"] else {
            return MCPEndpoint.refuse(.invalid("Mcp-Session-Id is missing: initialize first"), message.id)
        }
        guard let session = try await sessions.find(name, of: principal.name) else { throw MCPEndpoint.noSession }
        switch message.kind {
        case .response: return Response(.accepted)
        case .notification:
            if message.method == "notifications/cancelled", let id = message.parameters["requestId"] {
                calls.cancel(MCPCalls.Key(session: session.hash, id: MCPMessage.ID(json: id.raw)))
            }
            return Response(.accepted)
        case .request(let id):
            if message.method == "ping" { return MCPEndpoint.reply(MCPMessage.result(.emptyObject, to: id), 200) }
            guard MCPMethods.names.contains(message.method) else {
                return MCPEndpoint.reply(MCPMessage.error(.noMethod(message.method), to: id), 200)
            }
            return try await answer(message, id, request, principal, session: session)
        }
    }

    private func initialize(_ message: MCPMessage, _ id: MCPMessage.ID, _ principal: Principal) async throws -> Response
    {
        guard let asked = message.parameters["protocolVersion"]?.string else {
            return MCPEndpoint.reply(MCPMessage.error(.parameters("protocolVersion is missing"), to: id), 200)
        }
        let version = MCPVersion.legacy.contains(asked) ? asked : MCPVersion.legacy[0]
        let result = MCPResults(isModern: false)
            .plain { json in
                json.member("protocolVersion", version)
                json.member("serverInfo", MCPResults.server)
                methods.describe(isModern: false, to: &json)
            }
        var response = MCPEndpoint.reply(MCPMessage.result(result, to: id), 200)
        response.headers.set("Mcp-Session-Id", try await sessions.open(for: principal.name, version: version))
        return response
    }

    // MARK: - Answers

    private func answer(
        _ message: MCPMessage,
        _ id: MCPMessage.ID,
        _ request: Request,
        _ principal: Principal,
        session: MCPSessions.Session?
    ) async throws -> Response {
        let outbox = MCPOutbox()
        let asked = MCPRequest(
            message: message,
            isModern: session == nil,
            principal: principal,
            requestID: IdentifierSource().uuid().description,
            trace: MCPEndpoint.trace(message, request),
            notify: outbox.notify
        )
        let work: Task<Void, Never>
        do {
            work = try calls.begin(session.map { MCPCalls.Key(session: $0.hash, id: id) }) {
                await perform(asked, id, outbox)
            }
        } catch is MCPCalls.Full {
            throw ServiceError(.serviceUnavailable, "too many calls at once; try again", retryAfter: .seconds(1))
        }
        return try await MCPStream(outbox: outbox, work: work, endsWithClient: session == nil).response()
    }

    private func perform(_ request: MCPRequest, _ id: MCPMessage.ID, _ outbox: MCPOutbox) async {
        do {
            let isListening = request.isModern && request.message.method == MCPEndpoint.listen
            let result = try await isListening ? listening.listen(request, id) : methods.answer(request)
            outbox.finish(.answer(MCPMessage.result(result, to: id), status: 200))
        } catch let error as MCPError {
            let status = request.isModern ? error.status : 200
            outbox.finish(.answer(MCPMessage.error(error, to: id), status: status))
        } catch is CancellationError {
            // Who has cancelled wants no answer.
            outbox.finish(.end)
        } catch {
            logger.error(
                "mcp request failed",
                ["request_id": request.requestID, "method": request.message.method, "error": "\(error)"]
            )
            outbox.finish(.answer(MCPMessage.error(.fault, to: id), status: request.isModern ? 500 : 200))
        }
    }

    /// The trace of the metadata, which proxies cannot change, else of the headers.
    private static func trace(_ message: MCPMessage, _ request: Request) -> TraceContext {
        let parent = message.meta["traceparent"]?.string ?? request.headers["traceparent"]
        let state = message.meta["tracestate"]?.string ?? request.headers["tracestate"]
        return parent.flatMap { TraceContext(traceparent: $0, tracestate: state) }?.child() ?? .root()
    }

    static func reply(_ bytes: [UInt8], _ status: Int) -> Response {
        Response(Status(status), type: "application/json", bytes)
    }

    private static func refuse(_ error: MCPError, _ id: MCPMessage.ID?) -> Response {
        reply(MCPMessage.error(error, to: id), error.status)
    }
}
