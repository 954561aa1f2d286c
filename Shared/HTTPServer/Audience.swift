/// Orders the frames that go through audiences: by `high`, then by `low`.
public struct FrameMark: Sendable, Hashable, Comparable {
    /// What counts first.
    public var high: UInt64
    /// What counts where `high` is the same.
    public var low: Int64

    /// A mark.
    public init(high: UInt64, low: Int64) {
        self.high = high
        self.low = low
    }

    /// Orders by `high`, then by `low`.
    public static func < (left: FrameMark, right: FrameMark) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// Sockets of one loop that get the same frames. A frame is queued to all of them without a step in Swift for each:
/// what a broadcast to thousands is made of.
///
/// A socket that does not keep up gets nothing more: it is held, in all audiences, until `WebSocket.hold(false)`.
/// Everything is called on the loop.
public final class Audience: Sendable {
    /// What became of a frame.
    public struct Outcome: Sendable {
        /// To how many sockets it was queued.
        public let sent: Int
        /// The ids of those on which too much waits already, each told once: they are held from here.
        public let late: [UInt64]
    }

    private let loop: EventLoop
    private let handle = AudienceHandle()

    /// An audience on `loop` without anybody in it.
    public init(_ loop: EventLoop) { self.loop = loop }

    /// How many sockets are in it.
    public var count: Int {
        checkLoop()
        return handle.count
    }

    /// Takes a socket in, which gets the frames with a higher mark than `mark`. For one that is in, changes the mark.
    public func add(_ socket: WebSocket, after mark: FrameMark) {
        checkLoop()
        precondition(socket.loop === loop, "an audience is of one loop")
        socket.join(handle, after: mark)
    }

    /// Takes a socket out.
    public func remove(_ socket: WebSocket) {
        checkLoop()
        socket.leave(handle)
    }

    /// Queues a frame to all who are not held and have not had it; who has more than `limit` bytes waiting is held
    /// instead.
    public func send(_ frame: WebSocketFrame, mark: FrameMark, limit: Int) -> Outcome {
        checkLoop()
        return frame.send(to: handle, mark, limit: limit)
    }

    private func checkLoop() { precondition(loop.isCurrent, "an audience is used on its loop only") }
}
