import Contracts
import Edge
import HTTPServer
import Kernel
import Store

/// Lets a worker's WebSocket in: `GET /api/workers/{id}/stream`.
struct WorkerStreamDoor: Sendable {
    static let subprotocol = "martlet.worker.v1+json"
    private let routes: WorkerRoutes
    private let api: API

    init(_ routes: WorkerRoutes, _ api: API) {
        self.routes = routes
        self.api = api
    }

    func upgrade(_ request: Request) async -> Upgrade {
        do {
            let principal = try await api.authenticate(request)
            guard principal.may(.work) else {
                throw ServiceError(.forbidden, "the token lacks the scope \(Scope.work.rawValue)")
            }
            guard let id = WorkerID(request.parameters["id"] ?? "") else { throw ServiceError.notFound("WORKER") }
            let worker = try await routes.worker(id, for: principal)
            return .accept(
                WorkerStream(worker, routes, until: principal.expiresAt),
                subprotocol: request.offeredSubprotocols.contains(WorkerStreamDoor.subprotocol)
                    ? WorkerStreamDoor.subprotocol : nil,
                limits: WebSocketLimits(
                    messageBytes: WorkerStream.maximumMessage,
                    queuedBytes: WorkerStream.maximumQueued,
                    lowMark: WorkerStream.lowMark
                )
            )
        } catch {
            let refusal = ServiceError.describing(error) ?? ServiceError(.internalError, "something went wrong here")
            return .refuse(API.response(for: refusal, to: request))
        }
    }
}
