import HTTPServer

/// The form of our event streams.
enum EventStream {
    /// How long a stream may be silent.
    static let silence = Duration.seconds(15)
    /// Says that there is nothing to say.
    static let comment = Array(": still at it\n\n".utf8)

    /// A response that `write` writes until it ends or the client goes. When the server stops, `stopping` says for how
    /// long the last words may still take.
    static func response(
        _ write: @escaping @Sendable (ResponseWriter) async throws -> Void,
        stopping: @escaping @Sendable () async throws -> Void = {}
    ) -> Response {
        Response(
            .ok,
            headers: [
                "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
            ],
            body: .stream(contentLength: nil) { writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await write(writer) }
                    group.addTask { if await writer.closed() == .serverStopping { try await stopping() } }
                    defer { group.cancelAll() }
                    _ = try await group.next()
                }
            }
        )
    }

    /// A message as an event. Line ends in it can only be white space between its tokens.
    static func event(_ message: [UInt8], id: String? = nil) -> [UInt8] {
        let isBreak: (UInt8) -> Bool = { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let line = message.contains(where: isBreak) ? message.map { isBreak($0) ? UInt8(ascii: " ") : $0 } : message
        return Array("event: message\n\(id.map { "id: \($0)\n" } ?? "")data: ".utf8) + line + Array("\n\n".utf8)
    }
}
