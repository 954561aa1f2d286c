import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Store

/// `GET /ws`, and what administrators see of the connections of this node.
struct SocketRoutes: Sendable {
    static let subprotocol = "martlet.v1+json"

    let around: Session.Surroundings
    let tickets: TicketStore
    let origins: OriginList

    func add(to api: inout API) {
        let access = api
        api.webSocket("/ws") { request in
            do {
                return try await upgrade(request, access)
            } catch {
                let refusal =
                    ServiceError.describing(error) ?? ServiceError(.internalError, "something went wrong here")
                return .refuse(API.response(for: refusal, to: request))
            }
        }
        api.add(Operation(.get, "/api/connections", "list this node's WebSockets", scope: .admin)) { _ in
            var sessions: [Session.Description] = []
            for table in around.hub.tables { sessions += try await table.descriptions() }
            return .json { json in
                json.object { $0.member("items", sessions.sorted { $0.id < $1.id }) }
            }
        }
        api.add(
            Operation(.delete, "/api/connections/{id}", "close a WebSocket of this node", scope: .admin, success: 204)
        ) { call in
            if let id = UInt64(call.request.parameters["id"] ?? "") {
                for table in around.hub.tables where try await table.kick(id) { return .noContent }
            }
            throw ServiceError.notFound("CONNECTION")
        }
    }

    private func upgrade(_ request: Request, _ api: API) async throws -> Upgrade {
        guard origins.allows(request) else {
            throw ServiceError(ErrorCode("FORBIDDEN_ORIGIN", 403), "this page may not open WebSockets here")
        }
        var wishes: [ClientMessage.Wish] = []
        var ticket: String?
        for (name, value) in request.query {
            switch name {
            case "context_id":
                guard let context = ContextID(value) else {
                    throw ServiceError.invalid("?context_id", "is no context")
                }
                wishes.append(ClientMessage.Wish(context: context, cursor: request.query("cursor")))
            case "cursor": break
            case "ticket": ticket = value
            case "token": throw ServiceError.invalid("?token", "must not be in the URL; use hello or a ticket")
            default: throw ServiceError.invalid("?\(name)", "is not a known parameter")
            }
        }
        let principal: Principal? =
            if let ticket {
                try await tickets.redeem(ticket)
            } else if request.headers.contains("Authorization") {
                try await api.authenticate(request)
            } else {
                nil
            }
        return .accept(
            SocketDoor(principal, wishes, around),
            subprotocol: request.offeredSubprotocols.contains(SocketRoutes.subprotocol)
                ? SocketRoutes.subprotocol : nil,
            limits: WebSocketLimits(
                messageBytes: around.limits.messageBytes,
                queuedBytes: around.limits.hardBytes,
                lowMark: around.limits.lowBytes
            )
        )
    }
}
