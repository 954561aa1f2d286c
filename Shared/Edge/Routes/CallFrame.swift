import Contracts
import HTTPServer
import JSON
import Kernel
import Store
import Telemetry

/// Runs one operation's checks and its handler, and turns whatever happens into a response.
struct CallFrame: Sendable {
    let operation: Operation
    private let gate: Gate
    private let logger: Logger
    private let duration: Histogram
    private let answered: [Counter]
    private let tracer: Tracer

    init(operation: Operation, gate: Gate, logger: Logger, metrics: Metrics, tracer: Tracer) {
        self.tracer = tracer
        self.operation = operation
        self.gate = gate
        self.logger = logger
        let route = operation.pattern
        let method = operation.method.rawValue
        duration = metrics.histogram(
            "martlet_http_request_seconds",
            "Time from the header to the answer.",
            labels: ["method": method, "route": route]
        )
        answered = (1...5)
            .map { hundred in
                metrics.counter(
                    "martlet_http_requests_total",
                    "Requests answered, by class of status.",
                    labels: ["method": method, "route": route, "status": "\(hundred)xx"]
                )
            }
    }

    func respond(to request: Request, _ handler: API.Handler) async -> Response {
        let requestID = RequestID.of(request)
        let caller = request.headers["traceparent"]
            .flatMap { TraceContext(traceparent: $0, tracestate: request.headers["tracestate"]) }
        let trace = caller?.child() ?? .root()
        var response: Response
        do {
            let call = try await check(request, requestID, trace)
            response = try await handler(call).response
            response.headers.set("X-Request-ID", requestID)
        } catch {
            let refusal = ServiceError.describing(error) ?? fault(error, requestID)
            response = ErrorResponse.make(refusal, requestID: requestID, accept: request.headers["Accept"])
        }
        let elapsed = ContinuousClock.now - request.receivedAt
        duration.record(elapsed)
        answered[min(max(response.status.code / 100, 1), 5) - 1].add()
        if tracer.isOn { record(response.status.code, trace, caller?.spanID, elapsed) }
        return response
    }

    private func record(_ status: Int, _ trace: TraceContext, _ parent: UInt64?, _ elapsed: Duration) {
        let end = WallClock.system.now()
        tracer.record(
            Span(
                context: trace,
                parent: parent,
                name: "\(operation.method.rawValue) \(operation.pattern)",
                kind: .server,
                start: Timestamp(microseconds: end.microseconds - elapsed.microseconds),
                end: end,
                attributes: [
                    (name: "http.request.method", value: operation.method.rawValue),
                    (name: "http.route", value: operation.pattern),
                    (name: "http.response.status_code", value: "\(status)"),
                ],
                failure: status >= 500 ? "\(status)" : nil
            )
        )
    }

    private func check(_ request: Request, _ requestID: String, _ trace: TraceContext) async throws -> Call {
        let principal = try await gate.admit(request, to: operation)
        try checkAccept(request)
        return try check(request, as: principal, requestID, trace)
    }

    /// The same for a principal that is known already.
    func check(
        _ request: Request,
        as principal: Principal,
        _ requestID: String,
        _ trace: TraceContext
    ) throws -> Call {
        let query = try checkQuery(request)
        return Call(
            request: request,
            principal: principal,
            requestID: requestID,
            trace: trace,
            logger: logger.with(["request_id": requestID, "trace_id": trace.traceIDText]),
            body: try checkBody(request),
            query: query
        )
    }

    /// We answer in JSON; whoever accepts only something else is told so before anything happens.
    private func checkAccept(_ request: Request) throws {
        guard operation.answersJSON, let accept = request.headers["Accept"],
            !MediaType.accepts(accept, "application/json"), !MediaType.accepts(accept, "application/problem+json")
        else { return }
        throw ServiceError(.notAcceptable, "this route answers in application/json")
    }

    private func checkQuery(_ request: Request) throws -> [String: String] {
        var issues: [JSONIssue] = []
        var values: [String: String] = [:]
        for (name, value) in request.query {
            guard let field = operation.query.first(where: { $0.name == name }) else {
                issues.append(JSONIssue(pointer: "?\(name)", message: "is not a known parameter"))
                continue
            }
            if let defect = field.defect(in: value) {
                issues.append(JSONIssue(pointer: "?\(name)", message: defect))
            } else if values.updateValue(value, forKey: name) != nil {
                issues.append(JSONIssue(pointer: "?\(name)", message: "stands there twice"))
            }
        }
        guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        return values
    }

    private func checkBody(_ request: Request) throws -> JSONElement {
        guard let schema = operation.body.schema else { return .null }
        if operation.mayOmitBody, request.body.bytes.isEmpty { return .emptyObject }
        guard MediaType.isJSON(request.headers["Content-Type"]) else {
            throw ServiceError(.unsupportedMediaType, "the body must be application/json")
        }
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: request.body.bytes)
        } catch {
            throw ServiceError(.invalidJSON, "the body is not valid JSON: \(error)")
        }
        let issues = schema.issues(in: document.root)
        guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        return document.root
    }

    func fault(_ error: any Error, _ requestID: String) -> ServiceError {
        if error is CancellationError {
            return ServiceError(.serviceUnavailable, "the service is stopping; try again", retryAfter: .seconds(1))
        }
        logger.error(
            "request failed",
            ["request_id": requestID, "route": operation.pattern, "error": String(describing: error)]
        )
        return ServiceError(.internalError, "something went wrong here; the log has it under this request id")
    }
}
