import Contracts
import HTTPServer

/// Sends what a request has to say: as one JSON text when the answer comes soon, else as a stream of events that ends
/// with the answer. So errors that are known at once have their own HTTP status, and nothing waits in silence for long.
struct MCPStream: Sendable {
    /// How long the decision may take.
    static let patience = Duration.seconds(2)

    let outbox: MCPOutbox
    /// The end of the connection ends it.
    let work: Task<Void, Never>

    func response() async throws -> Response {
        let first = try await withTaskCancellationHandler {
            try await outbox.next(atMost: MCPStream.patience)
        } onCancel: {
            work.cancel()
        }
        if first.events.isEmpty, case .answer(let answer, let status)? = first.ending {
            return MCPEndpoint.reply(answer.message, status)
        }
        return EventStream.response { writer in
            // After the answer there is nothing to cancel.
            defer { work.cancel() }
            try await write(first, to: writer)
        } stopping: {
            // The server waits for us as long as it can: what ends now still has its last word.
            work.cancel()
            try await Task.sleep(for: EventStream.silence)
        }
    }

    private func write(_ first: MCPOutbox.Batch, to writer: ResponseWriter) async throws {
        var batch = first
        while true {
            for event in batch.events { try await writer.write(EventStream.event(event.message)) }
            switch batch.ending {
            case .answer(let answer, _): return try await writer.write(EventStream.event(answer.message))
            case .silence: return
            case nil: if batch.events.isEmpty { try await writer.write(EventStream.comment) }
            }
            batch = try await outbox.next(atMost: EventStream.silence)
        }
    }
}
