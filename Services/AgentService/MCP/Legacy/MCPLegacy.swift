import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Store

/// The legacy era: a handshake opens a session, and all else is said in one.
struct MCPLegacy: Sendable {
    let dispatch: MCPDispatch
    let sessions: MCPSessions
    let streams: MCPStreams
    let own: MCPSessionStream

    /// A session that is over, or never was: the client opens another.
    private static let noSession = ServiceError(.notFound("SESSION"), "there is no such session; initialize again")

    /// Answers a message.
    func post(_ message: MCPMessage, _ request: Request, _ principal: Principal) async throws -> Response {
        if message.method == "initialize", let id = message.id { return try await initialize(message, id, principal) }
        let session: MCPSessions.Session
        do {
            session = try await self.session(of: request, principal)
        } catch let error as MCPError {
            return MCPEndpoint.refuse(error, message.id)
        }
        switch message.kind {
        case .response(let id, let answer):
            if let question = id.text.flatMap(MCPEventID.init) {
                try await streams.take(answer.raw, to: question, session: session.hash)
            }
            return Response(.accepted)
        case .notification:
            if message.method == "notifications/cancelled", let id = message.parameters["requestId"] {
                try await cancel(MCPMessage.ID(json: id.raw), session)
            }
            return Response(.accepted)
        case .request(let id):
            let asked = MCPDispatch.request(message, request, principal, session: session)
            do {
                guard try await settle(asked, session) else { return try await answer(asked, id, session) }
            } catch let error as MCPError {
                return MCPEndpoint.reply(MCPMessage.error(error, to: id))
            }
            return MCPEndpoint.reply(MCPMessage.result(.emptyObject, to: id))
        }
    }

    /// Opens the stream of a session, or goes on with one that its client has lost.
    func get(_ request: Request, _ principal: Principal) async throws -> Response {
        guard request.headers["MCP-Protocol-Version"] != MCPVersion.modern else {
            throw ServiceError(.methodNotAllowed, "this revision has no streams but the answers to requests")
        }
        let session: MCPSessions.Session
        do {
            session = try await self.session(of: request, principal)
        } catch let error as MCPError {
            throw ServiceError(.badRequest, error.message)
        }
        guard MediaType.accepts(request.headers.all("Accept").joined(separator: ","), "text/event-stream") else {
            throw ServiceError(.notAcceptable, "Accept must list text/event-stream")
        }
        guard let text = request.headers["Last-Event-ID"] else { return try await own.response(session, principal) }
        guard let last = MCPEventID(text) else { throw MCPStreams.unknown }
        return try await streams.response(after: last, session: session.hash)
    }

    /// Ends a session.
    func delete(_ request: Request, _ principal: Principal) async throws -> Response {
        guard let id = request.headers["Mcp-Session-Id"] else {
            throw ServiceError(.badRequest, "Mcp-Session-Id is missing")
        }
        guard try await sessions.close(id, of: principal.name) else { throw MCPLegacy.noSession }
        return Response(.noContent)
    }

    private func session(of request: Request, _ principal: Principal) async throws -> MCPSessions.Session {
        guard MCPVersion.legacy.contains(request.headers["MCP-Protocol-Version"] ?? MCPVersion.unsaid) else {
            throw MCPError.invalid("this revision is not spoken: \(MCPVersion.all)")
        }
        guard let id = request.headers["Mcp-Session-Id"] else {
            throw MCPError.invalid("Mcp-Session-Id is missing: initialize first")
        }
        guard let session = try await sessions.find(id, of: principal.name) else { throw MCPLegacy.noSession }
        return session
    }

    private func initialize(_ message: MCPMessage, _ id: MCPMessage.ID, _ principal: Principal) async throws -> Response
    {
        guard let asked = message.parameters["protocolVersion"]?.string else {
            return MCPEndpoint.reply(MCPMessage.error(.parameters("protocolVersion is missing"), to: id))
        }
        let version = MCPVersion.legacy.contains(asked) ? asked : MCPVersion.legacy[0]
        let kinds = InputRequest.Kind.declared(in: message.parameters["capabilities"])
        let result = MCPResults(isModern: false)
            .plain { json in
                json.member("protocolVersion", version)
                json.member("serverInfo", MCPResults.server)
                dispatch.methods.describe(isModern: false, to: &json)
            }
        var response = MCPEndpoint.reply(MCPMessage.result(result, to: id))
        let session = try await sessions.open(for: principal.name, version: version, kinds: kinds)
        response.headers.set("Mcp-Session-Id", session)
        return response
    }

    /// Does what concerns the session alone; `false` for what else is known.
    private func settle(_ request: MCPRequest, _ session: MCPSessions.Session) async throws -> Bool {
        func resource() throws -> String {
            guard let uri = request.parameters["uri"]?.string else { throw MCPError.parameters("uri is missing") }
            return uri
        }
        switch request.message.method {
        case "ping": break
        case "logging/setLevel":
            guard let severity = request.parameters["level"]?.string.flatMap(Severity.init) else {
                throw MCPError.parameters("level must be one of \(Severity.allCases.map(\.rawValue))")
            }
            try await sessions.set(severity, of: session)
        case "resources/subscribe":
            let uri = try resource()
            _ = try await dispatch.methods.read(uri, request)
            if let stream = try await sessions.subscribe(session, to: uri) { streams.watch.ring(stream) }
        case "resources/unsubscribe":
            if let stream = try await sessions.unsubscribe(session, from: try resource()) { streams.watch.ring(stream) }
        case let method where MCPMethods.names.contains(method): return false
        default: throw MCPError.noMethod(request.message.method)
        }
        return true
    }

    private func answer(
        _ request: MCPRequest,
        _ id: MCPMessage.ID,
        _ session: MCPSessions.Session
    ) async throws -> Response {
        let recorder = MCPRecorder(
            streams: streams,
            outbox: request.outbox,
            request: id,
            session: session.hash,
            logger: dispatch.logger
        )
        _ = try dispatch.begin(request, id, recorder: recorder)
        switch try await recorder.opening.value() {
        case .answer(let answer): return MCPEndpoint.reply(answer)
        case .silence: return EventStream.response { _ in }
        case .stream:
            let start = MCPEventID(stream: request.outbox.stream, number: 0)
            return try await streams.response(after: start, session: session.hash, first: request.outbox)
        }
    }

    private func cancel(_ request: MCPMessage.ID, _ session: MCPSessions.Session) async throws {
        if !dispatch.calls.cancel(MCPCalls.Key(session: session.hash, id: request)) {
            try await streams.cancel(request, session: session.hash)
        }
    }
}
