import Concurrency
import HTTPServer
import Telemetry

/// Answers as a Consul agent would: keeps registrations, and lets blocking queries wait for a change.
final class ScriptedConsul: Sendable {
    private struct State {
        var registrations: [String: String] = [:]
        var health = "[]"
        var index: UInt64 = 1
        var requests: [String] = []
    }

    private let state = Lock<State>(State())
    private let changed = Wakeup()

    var registrations: [String: String] { state.withLock { $0.registrations } }
    var requests: [String] { state.withLock { $0.requests } }

    /// Replaces what passes its checks.
    func publish(_ health: String, index: UInt64? = nil) {
        state.withLock {
            $0.health = health
            $0.index = index ?? $0.index + 1
        }
        changed.signal()
    }

    /// Forgets all registrations, as a restart does.
    func forget() { state.withLock { $0.registrations = [:] } }

    /// Runs `body` with an agent, and its URL.
    static func run(_ body: @escaping @Sendable (ScriptedConsul, String) async throws -> Void) async throws {
        let consul = ScriptedConsul()
        var router = Router()
        router.add(.get, "/v1/health/service/{name}", body: .buffered(atMost: 0)) { await consul.health($0) }
        router.add(.put, "/v1/agent/service/register", body: .buffered(atMost: 4096)) { consul.register($0) }
        router.add(.put, "/v1/agent/service/deregister/{id}", body: .buffered(atMost: 0)) { request in
            consul.state.withLock { $0.registrations[request.parameters["id"] ?? ""] = nil }
            return Response(.ok)
        }
        router.add(.get, "/v1/agent/service/{id}", body: .buffered(atMost: 0)) { request in
            Response(consul.registrations[request.parameters["id"] ?? ""] == nil ? .notFound : .ok)
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let port = try await server.start().port
        let result = await Task { try await body(consul, "http://127.0.0.1:\(port)") }.result
        await server.stop(grace: .zero)
        try result.get()
    }

    private func register(_ request: Request) -> Response {
        let body = String(decoding: request.body.bytes, as: UTF8.self)
        let id = body.split(separator: "\"").dropFirst(3).first.map(String.init) ?? ""
        state.withLock { $0.registrations[id] = body }
        return Response(.ok)
    }

    private func health(_ request: Request) async -> Response {
        let asked = request.query.first { $0.name == "index" }.flatMap { UInt64($0.value) } ?? 0
        state.withLock { $0.requests.append(request.target) }
        if state.withLock({ $0.index }) == asked {
            do {
                _ = try await changed.wait(atMost: .seconds(5))
            } catch {
                return Response(.serviceUnavailable)
            }
        }
        let (body, index) = state.withLock { ($0.health, $0.index) }
        var response = Response(.ok, type: "application/json", Array(body.utf8))
        response.headers.set("X-Consul-Index", "\(index)")
        return response
    }
}
