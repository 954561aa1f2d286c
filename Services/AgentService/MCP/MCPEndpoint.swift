import Contracts
import Edge
import HTTPServer
import JSON
import Store
import Telemetry

/// The Model Context Protocol at `/mcp`, by Streamable HTTP. Which era a request is of, the request itself says:
///
/// ```
///   POST ─▶ MCPGuard ─▶ MCPMessage ─┬─ its _meta or its header names a modern revision ─▶ MCPModern ─┐
///                                   └─ else ─▶ MCPLegacy: initialize opens a session ───┐            │
///                                                                                       ▼            ▼
///   GET goes on with a stream, DELETE ends a session                       MCPRecorder ─▶ MCPDispatch ─▶ MCPMethods
/// ```
struct MCPEndpoint: Sendable {
    /// Bytes of a message.
    private static let largest = 4 << 20

    let guardian: MCPGuard
    let modern: MCPModern
    let legacy: MCPLegacy
    let logger: Logger

    func add(to api: inout API) {
        api.serve(.post, MCPGuard.path, atMost: MCPEndpoint.largest, endsWithClient: true) { request in
            await guarded(request) { principal in try await post(request, principal) }
        }
        api.serve(.get, MCPGuard.path, atMost: 0) { request in
            await guarded(request) { principal in try await legacy.get(request, principal) }
        }
        api.serve(.delete, MCPGuard.path, atMost: 0) { request in
            await guarded(request) { principal in try await legacy.delete(request, principal) }
        }
        for path in [MCPGuard.metadataPath, MCPGuard.metadataPath + MCPGuard.path] {
            api.serve(.get, path, atMost: 0) { [guardian] request in guardian.metadata(request) }
        }
    }

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
        // The body is asked first: a proxy may have changed headers, and says nothing of its own in the body.
        let isModern =
            message.meta("protocolVersion") != nil || request.headers["MCP-Protocol-Version"] == MCPVersion.modern
        return isModern
            ? try await modern.post(message, request, principal) : try await legacy.post(message, request, principal)
    }

    static func reply(_ bytes: [UInt8], _ status: Int = 200) -> Response {
        Response(Status(status), type: "application/json", bytes)
    }

    static func refuse(_ error: MCPError, _ id: MCPMessage.ID?) -> Response {
        reply(MCPMessage.error(error, to: id), error.status)
    }
}
