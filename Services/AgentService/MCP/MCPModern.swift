import HTTPServer
import JSON
import Kernel
import Store

/// The modern era: each request says all there is to know of it.
struct MCPModern: Sendable {
    let dispatch: MCPDispatch

    func post(_ message: MCPMessage, _ request: Request, _ principal: Principal) async throws -> Response {
        switch message.kind {
        case .response: return MCPEndpoint.refuse(.invalid("nothing was asked, so nothing can be answered"), nil)
        case .notification: return Response(.accepted)
        case .request(let id):
            do {
                try ModernHeaders.check(message, request.headers)
            } catch {
                return MCPEndpoint.refuse(error, id)
            }
            if message.method == "server/discover" { return MCPEndpoint.reply(MCPMessage.result(discovery, to: id)) }
            guard
                MCPMethods.names.contains(message.method) || MCPTasks.methods.contains(message.method)
                    || message.method == MCPDispatch.listen
            else {
                return MCPEndpoint.refuse(.noMethod(message.method, status: 404), id)
            }
            let asked = MCPDispatch.request(message, request, principal)
            return try await MCPStream(outbox: asked.outbox, work: try dispatch.begin(asked, id)).response()
        }
    }

    private var discovery: RawJSON {
        MCPResults(isModern: true)
            .cached(for: .seconds(300)) { json in
                json.member("supportedVersions", [MCPVersion.modern])
                dispatch.methods.describe(isModern: true, to: &json)
            }
    }
}
