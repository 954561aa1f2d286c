import Contracts
import HTTPServer
import JSON
import Kernel
import Messaging

/// An event as the watchers of one context get it: framed once, shared by all of them.
final class Update: Sendable {
    let context: ContextID
    let event: FeedEvent
    let frame: WebSocketFrame

    var position: Position { event.position }
    /// What it costs to keep.
    var byteCount: Int { frame.byteCount + event.wire.count }

    init(_ event: FeedEvent, for context: ContextID) {
        self.context = context
        self.event = event
        frame = WebSocketFrame(text: Update.message(event, context))
    }

    /// The message as JSON.
    var message: [UInt8] { Update.message(event, context) }

    private static func message(_ event: FeedEvent, _ context: ContextID) -> [UInt8] {
        var json = JSONWriter(capacity: event.wire.count + 160)
        json.object {
            $0.member("type", (event.job == nil ? ServerMessageType.event : .jobUpdate).rawValue)
            $0.member("context_id", context.description)
            $0.member("cursor", event.position.description)
            $0.member("data", RawJSON(event.wire))
        }
        return json.bytes
    }
}

extension FrameMark {
    /// Frames are ordered as their events are.
    init(_ position: Position) { self.init(high: position.transaction, low: position.row) }

    /// The place of an event that was marked so.
    func position(in epoch: String) -> Position { Position(epoch: epoch, transaction: high, row: low) }
}
