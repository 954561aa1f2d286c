/// The answer to a WebSocket handshake.
public enum Upgrade: Sendable {
    /// The connection becomes a WebSocket of `handler`. A subprotocol must be one that the client offered.
    case accept(
        any WebSocketHandler,
        subprotocol: String? = nil,
        headers: Headers = [:],
        limits: WebSocketLimits = WebSocketLimits()
    )
    /// It stays HTTP, with this response.
    case refuse(Response)
}

/// Bounds of one WebSocket.
public struct WebSocketLimits: Sendable, Hashable {
    /// The largest message taken from the client, in bytes; a larger one closes with 1009.
    public var messageBytes: Int
    /// The most bytes that may wait to be sent; a socket that would hold more is cut off.
    public var queuedBytes: Int
    /// After the client was slower than its frames came, `drained` tells when no more bytes than this wait.
    public var lowMark: Int

    /// The bounds.
    public init(messageBytes: Int = 16 * 1024, queuedBytes: Int = 1 << 20, lowMark: Int = 16 * 1024) {
        self.messageBytes = messageBytes
        self.queuedBytes = queuedBytes
        self.lowMark = lowMark
    }
}
