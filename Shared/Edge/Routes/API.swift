public import Contracts
public import HTTPServer
import JSON
import Kernel
public import Postgres
public import Store
public import Telemetry

/// The routes of a service, behind the checks that all services share.
public struct API: Sendable {
    /// A handler. What it throws becomes an error response.
    public typealias Handler = @Sendable (Call) async throws -> Reply

    /// The service's name, in OpenAPI and health.
    public let name: String
    /// The server's routes.
    public private(set) var router = Router()
    private(set) var operations: [Operation] = []
    private(set) var frames: [RouteName: (frame: CallFrame, handler: Handler)] = [:]
    private let gate: Gate
    private let logger: Logger
    private let metrics: Metrics
    private let tracer: Tracer

    /// Routes for a service called `name`. Without a `tracer` no spans are recorded.
    public init(
        name: String,
        authenticator: Authenticator,
        limiter: RateLimiter,
        logger: Logger,
        metrics: Metrics,
        tracer: Tracer? = nil
    ) {
        self.name = name
        self.logger = logger
        self.metrics = metrics
        self.tracer = tracer ?? Tracer(capacity: 0, metrics: Metrics())
        gate = Gate(authenticator: authenticator, limiter: limiter)
        router.fallback = { failure, request in
            let id = RequestID.of(request)
            return ErrorResponse.make(.describing(failure), requestID: id, accept: request.headers["Accept"])
        }
    }

    /// Adds a route.
    public mutating func add(_ operation: Operation, _ handler: @escaping Handler) {
        operations.append(operation)
        let frame = CallFrame(operation: operation, gate: gate, logger: logger, metrics: metrics, tracer: tracer)
        frames[RouteName(operation.method, operation.pattern)] = (frame, handler)
        router.add(
            operation.method,
            operation.pattern,
            body: operation.body.policy,
            endsWithClient: operation.endsWithClient
        ) { request in
            await frame.respond(to: request, handler)
        }
    }

    /// Adds a route whose effect is one transaction. With an Idempotency-Key the first answer is kept in that
    /// transaction, and given again to whoever repeats the request. `committed` is called after every commit.
    public mutating func add(
        _ operation: Operation,
        in pool: Pool,
        committed: @escaping @Sendable () -> Void = {},
        _ handler: @escaping @Sendable (Call, Transaction) async throws -> Reply
    ) {
        let idempotency = Idempotency(pool)
        add(operation) { call in
            let reply = try await idempotency.perform(call, handler)
            committed()
            return reply
        }
    }

    /// Adds a route that speaks WebSocket.
    public mutating func webSocket(_ pattern: String, _ upgrade: @escaping @Sendable (Request) async -> Upgrade) {
        router.webSocket(pattern, upgrade)
    }

    /// Adds a route that speaks a protocol of its own over HTTP: it checks and answers everything itself.
    public mutating func serve(
        _ method: HTTPServer.Method,
        _ pattern: String,
        atMost bytes: Int,
        endsWithClient: Bool = false,
        _ handler: @escaping @Sendable (Request) async -> Response
    ) {
        router.add(method, pattern, body: .buffered(atMost: bytes), endsWithClient: endsWithClient) { request in
            await handler(request)
        }
    }

    /// Checks a request that is not answered by a handler, such as the opening of a WebSocket.
    public func authenticate(_ request: Request) async throws -> Principal { try await gate.principal(of: request) }

    /// The response for an error, for those who answer without a handler.
    public static func response(for error: ServiceError, to request: Request) -> Response {
        ErrorResponse.make(error, requestID: RequestID.of(request), accept: request.headers["Accept"])
    }
}
