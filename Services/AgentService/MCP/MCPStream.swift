import Contracts
import HTTPServer

/// Sends what a request has to say: as one JSON text when the answer comes soon, else as a stream of events that ends
/// with the answer. So errors that are known at once have their own HTTP status, and nothing waits in silence for long.
struct MCPStream: Sendable {
    /// How long the decision may take.
    private static let patience = Duration.seconds(2)
    /// How long a stream may be silent.
    private static let silence = Duration.seconds(15)

    let outbox: MCPOutbox
    let work: Task<Void, Never>
    /// Whether the end of the connection ends the work.
    let endsWithClient: Bool

    func response() async throws -> Response {
        let first = try await withTaskCancellationHandler {
            try await outbox.next(atMost: MCPStream.patience)
        } onCancel: {
            if endsWithClient { work.cancel() }
        }
        if case .answer(let bytes, let status) = first { return MCPEndpoint.reply(bytes, status) }
        return Response(
            .ok,
            headers: [
                "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
            ],
            body: .stream(contentLength: nil) { writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await write(first, to: writer) }
                    group.addTask {
                        guard await writer.closed() == .serverStopping else { return }
                        // The server waits for us as long as it can: what ends now still has its last word.
                        work.cancel()
                        try await Task.sleep(for: MCPStream.silence)
                    }
                    defer {
                        group.cancelAll()
                        // After the answer there is nothing to cancel.
                        if endsWithClient { work.cancel() }
                    }
                    _ = try await group.next()
                }
            }
        )
    }

    private func write(_ first: MCPOutbox.Item?, to writer: ResponseWriter) async throws {
        var item = first
        while true {
            switch item {
            case .notification(let bytes): try await writer.write(MCPStream.event(bytes))
            case .answer(let bytes, _): return try await writer.write(MCPStream.event(bytes))
            case .end: return
            case nil: try await writer.write(Array(": still at it\n\n".utf8))
            }
            item = try await outbox.next(atMost: MCPStream.silence)
        }
    }

    private static func event(_ message: [UInt8]) -> [UInt8] {
        Array("event: message\ndata: ".utf8) + message + Array("\n\n".utf8)
    }
}
