/// One client on a WebSocket. It belongs to its loop: everything here but the constants is called there.
///
/// Frames sent during one batch of the loop leave together. After the socket has closed, calls do nothing.
public final class WebSocket: Sendable {
    /// The loop that the socket belongs to.
    public let loop: EventLoop
    /// A number that no other connection of this server has.
    public let id: UInt64
    /// The client's IP address.
    public let remoteAddress: String

    let handler: any WebSocketHandler
    private let handle: ConnectionHandle
    private let ended: @Sendable () -> Void

    init(
        loop: EventLoop,
        id: UInt64,
        remoteAddress: String,
        handler: any WebSocketHandler,
        handle: consuming ConnectionHandle,
        ended: @escaping @Sendable () -> Void
    ) {
        self.loop = loop
        self.id = id
        self.remoteAddress = remoteAddress
        self.handler = handler
        self.handle = handle
        self.ended = ended
    }

    /// Queues a frame; it leaves at the end of the loop's batch. Returns the bytes that wait now.
    @discardableResult
    public func send(_ frame: WebSocketFrame) -> Int {
        checkLoop()
        return frame.send(to: handle)
    }

    /// The bytes that wait to be sent.
    public var queuedBytes: Int {
        checkLoop()
        return handle.queuedBytes
    }

    /// The frames that wait to be sent, one of which may have begun.
    public var queuedFrames: Int {
        checkLoop()
        return handle.queuedFrames
    }

    /// Since when no byte has left although some wait; `nil` when none wait.
    public var stalledSince: ContinuousClock.Instant? {
        checkLoop()
        return handle.stalledMilliseconds.map { .now - .milliseconds($0) }
    }

    /// Whether audiences pass the socket over. They hold it themselves when they find too much waiting.
    public func hold(_ held: Bool) {
        checkLoop()
        handle.hold(held)
    }

    /// The mark of the last frame from an audience that has certainly left, with all that was queued before it.
    public var leftMark: FrameMark {
        checkLoop()
        return handle.left
    }

    func join(_ audience: borrowing AudienceHandle, after mark: FrameMark) {
        audience.add(handle, tag: id, after: mark)
    }

    func leave(_ audience: borrowing AudienceHandle) { audience.remove(handle) }

    /// Throws away the frames of which no byte has left. Pings, pongs and a close stay.
    public func dropQueued() {
        checkLoop()
        handle.dropQueued()
    }

    /// Sends a ping, besides those that the server sends to silent clients.
    public func ping() {
        checkLoop()
        handle.ping()
    }

    /// Starts the closing handshake, after what is queued; nothing can be sent any more. When the client has not
    /// answered within `limit`, the connection is cut. The reason is cut to 123 bytes.
    public func close(code: UInt16, reason: String = "", within limit: Duration = .seconds(5)) {
        checkLoop()
        // A control frame holds 125 bytes; cut between characters, so that the reason stays UTF-8.
        var reason = reason
        while reason.utf8.count > 123 { reason.removeLast() }
        handle.close(code: code, reason: reason, within: limit)
    }

    func received(_ message: [UInt8], isText: Bool) { handler.received(message, isText: isText, from: self) }
    func drained() { handler.drained(self) }
    func stopping() { handler.stopping(self) }
    func closed(code: UInt16, reason: String) { handler.closed(self, code: code, reason: reason) }
    func released() { ended() }

    private func checkLoop() { precondition(loop.isCurrent, "a WebSocket is used on its loop only") }
}
