import HTTPServer
import Telemetry

/// Runs `body` against a server of its own, which is stopped afterwards.
func withServer(
    loops: Int = 1,
    _ change: (inout ServerSettings) -> Void = { _ in },
    routes: (inout Router) -> Void,
    _ body: (UInt16, Server) async throws -> Void
) async throws {
    var settings = ServerSettings(loops: loops)
    settings.tick = .milliseconds(10)
    change(&settings)
    var router = Router()
    routes(&router)
    let server = Server(settings: settings, router: router, logger: .silent, metrics: Metrics())
    let address = try await server.start()
    do {
        try await body(address.port, server)
    } catch {
        await server.stop(grace: .zero)
        throw error
    }
    await server.stop(grace: .zero)
}

/// A connection of its own for one request; `Connection: close` must be among its fields if `body` needs the end.
func ask(_ port: UInt16, _ text: String) async throws -> RawClient.Answer {
    let client = try RawClient.connect(port)
    let answer = try await client.ask(text)
    await client.close()
    return answer
}

/// A GET of that path.
func get(_ path: String, _ fields: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n" }
