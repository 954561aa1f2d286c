/// One message for WebSocket clients, framed once and shared by any number of sockets and loops.
public struct WebSocketFrame: Sendable {
    private final class Storage: Sendable {
        let handle: FrameHandle
        init(_ handle: consuming FrameHandle) { self.handle = handle }
    }

    private let storage: Storage

    /// A text message; the bytes must be UTF-8, which is not checked here.
    public init(text: [UInt8]) { storage = Storage(FrameHandle(text, isText: true)) }

    /// A text message.
    public init(text: String) { self.init(text: Array(text.utf8)) }

    /// A binary message.
    public init(binary: [UInt8]) { storage = Storage(FrameHandle(binary, isText: false)) }

    /// The size on the wire, header included.
    public var byteCount: Int { storage.handle.byteCount }

    func send(to audience: borrowing AudienceHandle, _ mark: FrameMark, limit: Int) -> Audience.Outcome {
        audience.send(storage.handle, mark, limit: limit)
    }

    func send(to connection: borrowing ConnectionHandle) -> Int { connection.send(storage.handle) }
}
