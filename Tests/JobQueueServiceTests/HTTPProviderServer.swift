import Concurrency
import Crypto
import HTTPServer
import JSON
import Kernel
import Telemetry

/// A small outside service on a free port: `POST /jobs`, `GET /jobs/{id}`, `DELETE /jobs/{id}`, `GET /files/{name}`.
/// It answers as the test tells it to, and remembers what it was asked.
final class HTTPProviderServer: Sendable {
    struct Asked: Sendable {
        let method: String
        let path: String
        let headers: [String: String]
        let body: String
    }

    typealias Answer = @Sendable (Asked, _ times: Int) -> Response

    let port: Int
    private let requests: Requests

    private final class Requests: Sendable {
        let all = Lock<[Asked]>([])
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var asked: [Asked] { requests.all.withLock { $0 } }

    func count(_ method: String, _ prefix: String = "/jobs") -> Int {
        asked.count { $0.method == method && $0.path.hasPrefix(prefix) }
    }

    private init(port: Int, requests: Requests) {
        self.port = port
        self.requests = requests
    }

    /// Runs `body` with a service that answers by `answer`; `times` counts the same method and path from 1.
    static func run(
        _ answer: @escaping Answer,
        _ body: @escaping @Sendable (HTTPProviderServer) async throws -> Void
    ) async throws {
        let requests = Requests()
        var router = Router()
        let handler: @Sendable (Request) async -> Response = { request in
            let names = ["Idempotency-Key", "Authorization", "Content-Type"]
            let asked = Asked(
                method: request.method.rawValue,
                path: request.path,
                headers: Dictionary(
                    uniqueKeysWithValues: names.compactMap { name in
                        request.headers[name].map { (name, $0) }
                    }
                ),
                body: String(decoding: request.body.bytes, as: UTF8.self)
            )
            let times = requests.all.withLock { all in
                all.append(asked)
                return all.count { $0.method == asked.method && $0.path == asked.path }
            }
            return answer(asked, times)
        }
        for (method, pattern) in [
            (HTTPServer.Method.post, "/jobs"), (.get, "/jobs/{id}"), (.delete, "/jobs/{id}"), (.get, "/files/{name}"),
        ] {
            router.add(method, pattern, handler: handler)
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let service = HTTPProviderServer(port: Int(address.port), requests: requests)
        let outcome = Task { try await body(service) }
        let result = await outcome.result
        await server.stop(grace: .seconds(2))
        try result.get()
    }

    static func json(_ text: String, _ status: Status = .ok, _ headers: Headers = [:]) -> Response {
        Response(status, type: "application/json", Array(text.utf8), headers: headers)
    }
}
