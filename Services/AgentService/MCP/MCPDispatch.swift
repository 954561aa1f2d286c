import Contracts
import HTTPServer
import JSON
import Kernel
import Store
import Telemetry

/// Answers requests of both eras, each in a task of its own.
struct MCPDispatch: Sendable {
    static let listen = "subscriptions/listen"

    let methods: MCPMethods
    let listening: MCPListening
    let calls: MCPCalls
    let logger: Logger

    /// What is asked, from a message and the request that has brought it.
    static func request(
        _ message: MCPMessage,
        _ request: Request,
        _ principal: Principal,
        session: MCPSessions.Session? = nil
    ) -> MCPRequest {
        MCPRequest(
            message: message,
            session: session,
            principal: principal,
            requestID: IdentifierSource().uuid().description,
            trace: trace(message, request),
            outbox: MCPOutbox()
        )
    }

    /// Begins to do what is asked; the request's outbox says what comes of it.
    func begin(
        _ request: MCPRequest,
        _ id: MCPMessage.ID,
        recorder: MCPRecorder? = nil
    ) throws -> Task<Void, Never> {
        let key = request.session.map { MCPCalls.Key(session: $0.hash, id: id) }
        do {
            return try calls.begin(key, request.outbox) {
                guard let recorder else { return await perform(request, id) }
                await recorder.run { await perform(request, id) }
            }
        } catch is MCPCalls.Full {
            throw ServiceError(.serviceUnavailable, "too many calls at once; try again", retryAfter: .seconds(1))
        }
    }

    private func perform(_ request: MCPRequest, _ id: MCPMessage.ID) async {
        func finish(_ error: MCPError, status: Int) {
            request.outbox.finish(MCPMessage.error(error, to: id), status: request.isModern ? status : 200)
        }
        do {
            let isListening = request.isModern && request.message.method == MCPDispatch.listen
            let result = try await isListening ? listening.listen(request, id) : methods.answer(request)
            request.outbox.finish(MCPMessage.result(result, to: id))
        } catch let error as MCPError {
            finish(error, status: error.status)
        } catch is CancellationError {
            // For a client that has called it off this comes too late; else the process stops.
            finish(.interrupted, status: 500)
        } catch {
            logger.error(
                "mcp request failed",
                ["request_id": request.requestID, "method": request.message.method, "error": "\(error)"]
            )
            finish(.fault, status: 500)
        }
    }

    /// The trace of the metadata, which proxies cannot change, else of the headers.
    private static func trace(_ message: MCPMessage, _ request: Request) -> TraceContext {
        let parent = message.meta["traceparent"]?.string ?? request.headers["traceparent"]
        let state = message.meta["tracestate"]?.string ?? request.headers["tracestate"]
        return parent.flatMap { TraceContext(traceparent: $0, tracestate: state) }?.child() ?? .root()
    }
}
