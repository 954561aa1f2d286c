import HTTPServer
import Telemetry

/// Two servers of ours on ports of their own: plain requests, and WebSockets.
struct FuzzServers: Sendable {
    let httpPort: UInt16
    let webSocketPort: UInt16

    /// Sends each message back.
    final class Echo: WebSocketHandler {
        func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
            socket.send(isText ? WebSocketFrame(text: message) : WebSocketFrame(binary: message))
        }
        func closed(_ socket: WebSocket, code: UInt16, reason: String) {}
    }

    static func plainRoutes() -> Router {
        var router = Router()
        router.add(.get, "/") { _ in .text(.ok, "root") }
        router.add(.get, "/jobs/{id}") { request in
            // Reads all there is to read of a head.
            let words = request.query.count + request.headers.elements(of: "Accept").count + request.path.count
            return .text(.ok, "\(words)")
        }
        router.add(.post, "/jobs", body: .buffered(atMost: 4096)) { .text(.created, "\($0.body.bytes.count)") }
        router.add(.put, "/files/{name...}", body: .buffered(atMost: 100)) { _ in Response(.noContent) }
        return router
    }

    static func webSocketRoutes() -> Router {
        var router = Router()
        let echo = Echo()
        router.webSocket("/ws") { _ in .accept(echo) }
        return router
    }
}

/// Runs `body` with the servers, and stops them.
func withServers<Result: Sendable>(_ body: (FuzzServers) async throws -> Result) async throws -> Result {
    var settings = ServerSettings(loops: 1)
    settings.tick = .milliseconds(10)
    let servers = [FuzzServers.plainRoutes(), FuzzServers.webSocketRoutes()]
        .map {
            Server(settings: settings, router: $0, logger: .silent, metrics: Metrics())
        }
    var ports: [UInt16] = []
    do {
        for server in servers { ports.append(try await server.start().port) }
        let result = try await body(FuzzServers(httpPort: ports[0], webSocketPort: ports[1]))
        for server in servers { await server.stop(grace: .zero) }
        return result
    } catch {
        for server in servers { await server.stop(grace: .zero) }
        throw error
    }
}
