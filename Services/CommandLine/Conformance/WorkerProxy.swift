import Concurrency
import HTTPClient
import HTTPServer
import JSON
import Kernel
import Telemetry

/// Stands between a worker and the job queue: writes down what they say, and loses some of it on purpose.
final class WorkerProxy: Sendable {
    /// A request of the worker, and what it was answered.
    struct Exchange: Sendable {
        /// `register`, `close`, `acquire`, `heartbeat`, `result` or a verb.
        let deed: String
        let worker: String
        let request: JSONElement
        /// As the job queue answered; 0 when it was not asked.
        let status: Int
        let answer: JSONElement
        /// Whether the worker never saw the answer.
        let wasLost: Bool
        let at: ContinuousClock.Instant

        /// The item about a job, among those of a verb.
        func item(_ job: String) -> JSONElement? {
            request["items"]?.elements.first { $0["job_id"]?.string == job }
        }

        /// What became of the item about a job.
        func outcome(_ job: String) -> String? {
            answer["items"]?.elements.first { $0["job_id"]?.string == job }?["status"]?.string
        }
    }

    /// What goes wrong.
    struct Faults: Sendable {
        /// Every connection is cut before the job queue hears of it.
        var isAway = false
        /// The next answer to this deed is lost.
        var losesAnswerTo: String?
        /// Heartbeats do not tell of cancelled jobs.
        var hidesCancellations = false
    }

    /// How often workers are asked to send heartbeats: a check would take minutes otherwise.
    static let heartbeat = 300

    private let services: ServiceClient
    private let upstream: String
    private let state = Lock((exchanges: [Exchange](), faults: Faults()))

    init(_ services: ServiceClient, upstream: String) {
        self.services = services
        self.upstream = upstream
    }

    /// What was said, from the beginning.
    var exchanges: [Exchange] { state.withLock { $0.exchanges } }

    /// Changes what goes wrong.
    func setFaults(_ change: @Sendable (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }

    /// The server that the worker talks to.
    func server() -> Server {
        var router = Router()
        router.add(.post, "/api/workers") { await self.pass($0, "register", "POST", "/api/workers") }
        router.add(.delete, "/api/workers/{id}", body: .buffered(atMost: 1 << 20)) { request in
            await self.pass(request, "close", "DELETE", "/api/workers/\(WorkerProxy.worker(request))")
        }
        router.add(.post, "/api/workers/{id}/{deed}", body: .buffered(atMost: 16 << 20)) { request in
            let deed = PercentEncoding.encode(request.parameters["deed"] ?? "")
            return await self.pass(request, deed, "POST", "/api/workers/\(WorkerProxy.worker(request))/\(deed)")
        }
        router.add(.put, "/api/workers/{id}/results/{job}", body: .buffered(atMost: 16 << 20)) { request in
            let job = PercentEncoding.encode(request.parameters["job"] ?? "")
            let fence = PercentEncoding.encode(request.query("fence") ?? "")
            let path = "/api/workers/\(WorkerProxy.worker(request))/results/\(job)?fence=\(fence)"
            return await self.pass(request, "result", "PUT", path)
        }
        return Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
    }

    private static func worker(_ request: Request) -> String { PercentEncoding.encode(request.parameters["id"] ?? "") }

    private func pass(_ request: Request, _ deed: String, _ method: String, _ path: String) async -> Response {
        let faults = state.withLock { state in
            defer { if state.faults.losesAnswerTo == deed { state.faults.losesAnswerTo = nil } }
            return state.faults
        }
        let said = WorkerProxy.json(request.body.bytes)
        let worker = request.parameters["id"] ?? ""
        func note(_ status: Int, _ answer: JSONElement, lost: Bool) {
            let exchange = Exchange(
                deed: deed,
                worker: worker,
                request: said,
                status: status,
                answer: answer,
                wasLost: lost,
                at: .now
            )
            state.withLock { $0.exchanges.append(exchange) }
        }
        if faults.isAway {
            note(0, .null, lost: true)
            return WorkerProxy.cut
        }
        var headers: [(name: String, value: String)] = []
        for name in ["Authorization", "Content-Type", "traceparent"] {
            if let value = request.headers[name] { headers.append((name, value)) }
        }
        let answer: ClientResponse
        do {
            answer = try await services.client.send(
                ClientRequest(
                    method,
                    upstream + path,
                    headers: headers,
                    body: request.body.bytes.isEmpty ? .none : .bytes(request.body.bytes),
                    timeouts: .init(connect: .seconds(3), total: .seconds(40))
                )
            )
        } catch {
            note(0, .null, lost: true)
            return WorkerProxy.cut
        }
        let isLost = faults.losesAnswerTo == deed
        var bytes = answer.body
        if deed == "register", answer.status == 201 { bytes = WorkerProxy.hurried(answer.body) }
        if deed == "heartbeat", faults.hidesCancellations, answer.status == 200 {
            bytes = Array(#"{"command":"continue","cancel":[]}"#.utf8)
        }
        note(answer.status, WorkerProxy.json(bytes), lost: isLost)
        guard !isLost else { return WorkerProxy.cut }
        var response = Response(Status(answer.status), body: .bytes(bytes))
        for name in ["Content-Type", "Location", "Retry-After"] {
            if let value = answer.headers[name] { response.headers.set(name, value) }
        }
        return response
    }

    private struct Cut: Error {}
    /// An answer that ends in the middle.
    private static let cut = Response(.ok, body: .stream(contentLength: 100) { _ in throw Cut() })

    private static func json(_ bytes: [UInt8]) -> JSONElement {
        do { return try JSONDocument(parsing: bytes).root } catch { return .null }
    }

    /// The same session with more heartbeats.
    private static func hurried(_ body: [UInt8]) -> [UInt8] {
        let session = json(body)
        return JSONWriter.bytes { json in
            json.object { json in
                for member in session.members where member.name != "heartbeat_ms" {
                    json.member(member.name, member.value)
                }
                json.member("heartbeat_ms", WorkerProxy.heartbeat)
            }
        }
    }
}
