import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Store

/// `GET /sse` and `GET /poll`: the messages of a WebSocket for those who cannot have one.
struct StreamRoutes: Sendable {
    let hub: Hub
    let recovery: Recovery
    let access: ContextAccess
    let attendance: Attendance
    /// How long a stream may be silent.
    var heartbeat: Duration = .seconds(15)

    func add(to api: inout API) {
        let context = QueryField.text("context_id", "what to watch")
        let cursor = QueryField.text("cursor", "the last cursor that was applied")
        api.add(
            Operation(
                .get,
                "/sse",
                "updates as server-sent events",
                scope: .eventsRead,
                query: [context, cursor],
                answersJSON: false
            )
        ) { call in try await stream(call) }
        api.add(
            Operation(
                .get,
                "/poll",
                "updates, waited for",
                scope: .eventsRead,
                query: [context, cursor, .integer("wait_ms", "how long to wait for one", in: 0...30_000)]
            )
        ) { call in try await poll(call) }
    }

    private func context(_ call: Call) async throws -> ContextID {
        guard let text = call.text("context_id"), let context = ContextID(text) else {
            throw ServiceError.invalid(
                "?context_id",
                "must be an id, card:, job:, project:, queue:, thread:, run: or all"
            )
        }
        guard try await access.allows(call.principal, context) else {
            throw ServiceError(ErrorCode("FORBIDDEN_CONTEXT", 403), "the token may not watch this")
        }
        guard hub.head != nil else {
            throw ServiceError(.serviceUnavailable, "the service is starting; try again", retryAfter: .seconds(1))
        }
        return context
    }

    private func poll(_ call: Call) async throws -> Reply {
        let context = try await context(call)
        hub.watch(context)
        defer { hub.unwatch(context) }
        let deadline = ContinuousClock.now + .milliseconds(call.int("wait_ms") ?? 0)
        var reader = ContextReader(context, from: call.text("cursor"), hub: hub, recovery: recovery)
        var items = try await reader.next(atMost: .zero)
        while items.isEmpty, case let left = deadline - .now, left > .zero {
            items = try await reader.next(atMost: left)
        }
        // An answer has the cursor of its end, so all of the snapshot is in it.
        while reader.isInSnapshot { items += try await reader.next(atMost: .zero) }
        return .json { json in
            json.object {
                $0.member("context_id", context.description)
                $0.member("cursor", reader.position?.description)
                $0.member("messages", items.map { RawJSON($0.message) })
            }
        }
    }

    private func stream(_ call: Call) async throws -> Reply {
        let context = try await context(call)
        let cursor = call.request.headers["Last-Event-ID"] ?? call.text("cursor")
        let principal = call.principal
        guard attendance.hasRoom(for: principal) else {
            let message = "the token's owner has too many connections"
            throw ServiceError(.quotaExceeded, message, retryAfter: .seconds(10))
        }
        return .response(
            Response(
                .ok,
                headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-store"],
                body: .stream(contentLength: nil) { writer in
                    let revoked = Promise<Void>()
                    guard let seat = attendance.enter(principal, { revoked.succeed(()) }) else { return }
                    defer { attendance.leave(seat) }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            try await write(context, from: cursor, until: principal.expiresAt, to: writer)
                        }
                        group.addTask { await writer.closed() }
                        group.addTask { try await revoked.value() }
                        defer { group.cancelAll() }
                        _ = try await group.next()
                    }
                }
            )
        )
    }

    /// Writes until the client goes away, the server stops or the token ends.
    private func write(
        _ context: ContextID,
        from cursor: String?,
        until end: Timestamp?,
        to writer: ResponseWriter
    ) async throws {
        hub.watch(context)
        defer { hub.unwatch(context) }
        var reader = ContextReader(context, from: cursor, hub: hub, recovery: recovery)
        // A browser comes back by itself after a fixed time: each gets its own, so that not all come at once.
        let comesBackAfter = Int(1000 + 4000 * RandomSource.system.fraction())
        try await writer.write(Array("retry: \(comesBackAfter)\n\n".utf8))
        while case let left = end.map({ $0 - WallClock.system.now() }) ?? heartbeat, left > .zero {
            let items = try await reader.next(atMost: min(heartbeat, left))
            if items.isEmpty { try await writer.write(Array(": heartbeat\n\n".utf8)) }
            for item in items {
                var bytes: [UInt8] = []
                if let cursor = item.cursor { bytes += "id: \(cursor)\n".utf8 }
                bytes += "data: ".utf8
                bytes += item.message
                bytes += "\n\n".utf8
                try await writer.write(bytes)
            }
        }
    }
}
