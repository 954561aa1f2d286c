import Concurrency
import HTTPServer
import JSON
import Telemetry

/// A job queue that gives one answer to everything, unless a script says otherwise, and remembers what it was sent.
final class ScriptedJobQueue: Sendable {
    /// What a submission brought.
    struct Submission: Sendable {
        let path: String
        let key: String?
        let token: String?
        let body: String
    }

    /// With what status the n-th request, 0, 1, 2 …, to a path is answered; `nil` for the usual one.
    typealias Script = @Sendable (_ number: Int, _ path: String) async -> Int?

    private let submissions = Lock<[Submission]>([])
    private let status: Int
    private let answer: String
    private let script: Script

    private init(_ status: Int, _ answer: String, _ script: @escaping Script) {
        self.status = status
        self.answer = answer
        self.script = script
    }

    var seen: [Submission] { submissions.withLock { $0 } }

    /// Runs `body` with a job queue that answers so, and its URL.
    static func run(
        _ status: Int,
        _ answer: String,
        script: @escaping Script = { _, _ in nil },
        _ body: @escaping @Sendable (ScriptedJobQueue, String) async throws -> Void
    ) async throws {
        let queue = ScriptedJobQueue(status, answer, script)
        var router = Router()
        for path in ["/api/jobs", "/api/jobs/{id}/cancel"] {
            router.add(.post, path, body: .buffered(atMost: 1 << 20)) { request in await queue.take(request) }
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let result = await Task { try await body(queue, "http://127.0.0.1:\(address.port)") }.result
        await server.stop(grace: .seconds(5))
        try result.get()
    }

    private func take(_ request: Request) async -> Response {
        let submission = Submission(
            path: request.path,
            key: request.headers["Idempotency-Key"],
            token: request.headers["Authorization"],
            body: String(decoding: request.body.bytes, as: UTF8.self)
        )
        let number = submissions.withLock { submissions in
            submissions.append(submission)
            return submissions.count { $0.path == request.path } - 1
        }
        let status = await script(number, request.path) ?? status
        return Response(Status(status), type: "application/json", Array(answer.utf8))
    }
}
