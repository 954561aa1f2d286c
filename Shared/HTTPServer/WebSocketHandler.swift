/// What happens on WebSockets. All calls are on the socket's loop and must not block it.
public protocol WebSocketHandler: AnyObject, Sendable {
    /// The handshake is done; the first of all calls.
    func opened(_ socket: WebSocket)
    /// A whole message came. Text is valid UTF-8.
    func received(_ message: [UInt8], isText: Bool, from socket: WebSocket)
    /// The client had been slower than its frames came (`stalledSince` was set), and now no more than the low mark
    /// waits.
    func drained(_ socket: WebSocket)
    /// The server is stopping. Unless implemented, the socket is closed with 1001.
    func stopping(_ socket: WebSocket)
    /// The socket is closed, exactly once and as the last of all calls: with the client's code, with the code of the
    /// server's objection, or with 1006 when the connection was lost.
    func closed(_ socket: WebSocket, code: UInt16, reason: String)
}

extension WebSocketHandler {
    /// Does nothing.
    public func opened(_ socket: WebSocket) {}
    /// Does nothing.
    public func drained(_ socket: WebSocket) {}
    /// Closes with 1001.
    public func stopping(_ socket: WebSocket) { socket.close(code: 1001, reason: "going away", within: .seconds(5)) }
}
