import Concurrency
import HTTPServer
import JSON
import Telemetry

/// A service of somebody else's that does what a test says at each request, and remembers what came.
final class OthersService: Sendable {
    struct Seen: Sendable {
        let method: String
        let target: String
        let key: String?
        let token: String?
        let trace: String?
        let body: String
    }

    private let requests = Lock<[Seen]>([])
    private let answer: @Sendable (Int, Seen) async -> Response

    private init(_ answer: @escaping @Sendable (Int, Seen) async -> Response) { self.answer = answer }

    var seen: [Seen] { requests.withLock { $0 } }

    /// Runs `body` with a service whose n-th request, from 1, is answered so, and its URL.
    static func run(
        _ answer: @escaping @Sendable (Int, Seen) async -> Response,
        _ body: @escaping @Sendable (OthersService, String) async throws -> Void
    ) async throws {
        let service = OthersService(answer)
        var router = Router()
        for method in [HTTPServer.Method.get, .post, .put, .patch, .delete] {
            router.add(method, "/t/{n}", body: .buffered(atMost: 1 << 20)) { await service.take($0) }
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let result = await Task { try await body(service, "http://127.0.0.1:\(address.port)") }.result
        await server.stop(grace: .seconds(2))
        try result.get()
    }

    private func take(_ request: Request) async -> Response {
        let seen = Seen(
            method: request.method.rawValue,
            target: request.target,
            key: request.headers["Idempotency-Key"],
            token: request.headers["Authorization"],
            trace: request.headers["traceparent"],
            body: String(decoding: request.body.bytes, as: UTF8.self)
        )
        let number = requests.withLock { requests in
            requests.append(seen)
            return requests.count
        }
        return await answer(number, seen)
    }

    static func json(_ text: String, _ status: Status = .ok) -> Response {
        Response(status, type: "application/json", Array(text.utf8))
    }
}
