import Concurrency
import HTTPServer
import Telemetry

@testable import MartletCommand

/// The three services on one port, answering as a test says.
final class ScriptedServices: Sendable {
    /// What came back from a run of the program.
    struct Outcome: Sendable {
        let status: MartletCommand.ExitStatus
        let output: String
        let remarks: String
    }

    /// An answer to one path.
    struct Answer: Sendable {
        var status = 200
        let body: String
        var type = "application/json"
    }

    private let seen = Lock<[String]>([])
    private let connections = Lock<Int>(0)

    /// The requests that came, as `METHOD path body`.
    var requests: [String] { seen.withLock { $0 } }

    /// Runs `martlet` with services that answer so. Paths are `METHOD /path`; `streams` are the bodies of `/sse`, one
    /// for each connection in turn, after which a connection gets an empty one.
    static func run(
        _ arguments: [String],
        answers: [String: Answer] = [:],
        streams: [String] = [],
        token: String? = nil
    ) async throws -> (outcome: Outcome, services: ScriptedServices) {
        let services = ScriptedServices()
        var router = Router()
        for (key, answer) in answers {
            let parts = key.split(separator: " ").map(String.init)
            guard let method = HTTPServer.Method(rawValue: parts[0]) else { continue }
            router.add(method, parts[1], body: .buffered(atMost: 1 << 20)) { request in
                services.note(request)
                return Response(Status(answer.status), type: answer.type, Array(answer.body.utf8))
            }
        }
        router.add(.get, "/sse", body: .buffered(atMost: 0)) { request in
            services.note(request, "Last-Event-ID")
            let number = services.connections.withLock { count in
                defer { count += 1 }
                return count
            }
            let body = number < streams.count ? streams[number] : ""
            return Response(.ok, type: "text/event-stream", Array(body.utf8))
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let url = "http://127.0.0.1:\(try await server.start().port)"
        var environment = ["AGENT_URL": url, "JOB_QUEUE_URL": url, "NOTIFICATION_URL": url]
        environment["MARTLET_TOKEN"] = token
        let outcome = await run(arguments, environment: environment)
        await server.stop(grace: .seconds(5))
        return (outcome, services)
    }

    /// Runs `martlet` and keeps what it writes.
    static func run(_ arguments: [String], environment: [String: String]) async -> Outcome {
        let text = Transcript()
        let console = Console(write: { text.add($0, to: 0) }, writeRemark: { text.add($0, to: 1) }, isTerminal: false)
        let status = await Martlet(endpoints: Endpoints(environment: environment), console: console).run(arguments)
        return Outcome(status: status, output: text.texts[0], remarks: text.texts[1])
    }

    private func note(_ request: Request, _ header: String = "Authorization") {
        let body = String(decoding: request.body.bytes, as: UTF8.self)
        let value = request.headers[header] ?? ""
        seen.withLock { $0.append("\(request.method.rawValue) \(request.target) \(value) \(body)") }
    }

    private final class Transcript: Sendable {
        private let parts = Lock<[String]>(["", ""])
        var texts: [String] { parts.withLock { $0 } }
        func add(_ text: String, to part: Int) { parts.withLock { $0[part] += text } }
    }
}
