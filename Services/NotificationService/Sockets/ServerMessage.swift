import Contracts
import HTTPServer
import JSON
import Kernel

/// The messages that are not shared between sockets.
enum ServerMessage {
    static func authenticated(_ connection: UInt64, until: Timestamp?) -> WebSocketFrame {
        frame(.authenticated) {
            $0.member("connection", "\(connection)")
            $0.member("expires_at", until)
        }
    }

    /// The cursor is missing when a snapshot follows, which has it.
    static func subscribed(_ id: String?, _ context: ContextID, recovered: Bool, _ cursor: String?) -> WebSocketFrame {
        frame(.subscribed) {
            if let id { $0.member("id", id) }
            $0.member("context_id", context.description)
            $0.member("recovered", recovered)
            $0.member("cursor", cursor)
        }
    }

    static func unsubscribed(_ id: String?, _ context: ContextID) -> WebSocketFrame {
        frame(.unsubscribed) {
            if let id { $0.member("id", id) }
            $0.member("context_id", context.description)
        }
    }

    static func skip(_ context: ContextID, _ skip: Conflation.Skip) -> WebSocketFrame {
        frame(.skip) {
            $0.member("context_id", context.description)
            $0.member("job_id", skip.job)
            $0.member("from", skip.from)
            $0.member("to", skip.to)
            $0.member("reason", "conflated")
        }
    }

    static func pong(_ time: JSONElement?, at now: Timestamp) -> WebSocketFrame {
        frame(.pong) {
            $0.member("t", time)
            $0.member("server_time", now)
        }
    }

    static func authExpiring(in seconds: Int) -> WebSocketFrame {
        frame(.authExpiring) { $0.member("in_s", seconds) }
    }

    static func drain(reconnectAfter: Duration, deadline: Duration, cursors: [ContextID: Position]) -> WebSocketFrame {
        frame(.drain) {
            $0.member("reconnect_after_ms", reconnectAfter.milliseconds)
            $0.member("deadline_ms", deadline.milliseconds)
            write(cursors, to: &$0)
        }
    }

    /// The client was too slow: from these cursors on it has missed something.
    static func tooSlow(cursors: [ContextID: Position]) -> WebSocketFrame {
        frame(.error) {
            $0.member("code", "SLOW_CONSUMER")
            $0.member("message", "updates came faster than they were read")
            $0.member("retryable", true)
            $0.member("action", "resume")
            write(cursors, to: &$0)
        }
    }

    static func forbidden(_ context: ContextID, id: String?) -> WebSocketFrame {
        error(
            ProtocolError(
                "FORBIDDEN_CONTEXT",
                "the token may not watch this",
                id: id,
                context: context.description,
                action: "drop_subscription"
            )
        )
    }

    static func error(_ error: ProtocolError) -> WebSocketFrame {
        frame(.error) {
            if let id = error.id { $0.member("id", id) }
            if let context = error.context { $0.member("context_id", context) }
            $0.member("code", error.code)
            $0.member("message", error.message)
            $0.member("retryable", error.isRetryable)
            $0.member("action", error.action)
        }
    }

    private static func write(_ cursors: [ContextID: Position], to json: inout JSONWriter) {
        json.member("cursors") { json in
            json.object { for (context, cursor) in cursors { $0.member(context.description, cursor.description) } }
        }
    }

    private static func frame(_ type: ServerMessageType, _ members: (inout JSONWriter) -> Void) -> WebSocketFrame {
        WebSocketFrame(
            text: JSONWriter.bytes { json in
                json.object {
                    $0.member("type", type.rawValue)
                    members(&$0)
                }
            }
        )
    }
}
