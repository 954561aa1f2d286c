internal import CBeast
import Kernel

/// A counted reference to a `cb_connection`. It stays valid after the connection has closed; calls then do nothing.
///
/// All methods belong to the connection's loop; only the end of the handle may come on any thread.
@safe
struct ConnectionHandle: ~Copyable, @unchecked Sendable {
    // Sendable: it is used on the loop only (its owners are an actor on the loop and `WebSocket`, which checks), and
    // `cb_connection_release` may be called on any thread.
    let raw: OpaquePointer
    /// The release below may need the loop, which must not be gone before it.
    private let loop: EventLoop

    init(_ raw: OpaquePointer, _ loop: EventLoop) {
        unsafe self.raw = raw
        self.loop = loop
        unsafe cb_connection_retain(raw)
    }

    deinit { unsafe cb_connection_release(raw) }

    /// Another reference.
    borrowing func retained() -> ConnectionHandle { unsafe ConnectionHandle(raw, loop) }

    /// Returns the bytes that wait, or `nil` when the connection is closed.
    borrowing func write(_ first: [UInt8], _ second: [UInt8] = []) -> Int? {
        // C copies what it cannot send during the call.
        let waiting = unsafe first.withUnsafeBytes { first in
            unsafe second.withUnsafeBytes { second in
                unsafe cb_connection_write(raw, cb_bytes(first), cb_bytes(second))
            }
        }
        return waiting < 0 ? nil : Int(waiting)
    }

    borrowing func finish(keep: Bool) { unsafe cb_connection_finish(raw, keep) }
    borrowing func abort() { unsafe cb_connection_abort(raw) }
    borrowing func pause(_ paused: Bool) { unsafe cb_connection_pause(raw, paused) }
    /// Calls `deadline` after so long; -1 takes it back, and so does the end of the response.
    borrowing func setDeadline(milliseconds: Int64) { unsafe cb_connection_set_deadline(raw, milliseconds) }

    /// Makes the connection a WebSocket whose callbacks go to `peer`; false when it is closed.
    borrowing func upgrade(_ response: [UInt8], _ limits: WebSocketLimits, peer: UnsafeMutableRawPointer) -> Bool {
        let limits = cb_ws_limits(
            message_bytes: UInt32(clamping: limits.messageBytes),
            queued_bytes: UInt32(clamping: limits.queuedBytes),
            low_mark: UInt32(clamping: limits.lowMark)
        )
        return unsafe response.withUnsafeBytes { unsafe cb_ws_upgrade(raw, cb_bytes($0), limits, peer) }
    }

    borrowing func send(_ frame: borrowing FrameHandle) -> Int { unsafe cb_ws_send(raw, frame.raw) }
    var queuedBytes: Int { unsafe cb_ws_queued_bytes(raw) }
    var queuedFrames: Int { unsafe cb_ws_queued_frames(raw) }
    var stalledMilliseconds: Int64? {
        let elapsed = unsafe cb_ws_stalled(raw)
        return elapsed < 0 ? nil : elapsed
    }
    borrowing func hold(_ held: Bool) { unsafe cb_ws_hold(raw, held) }
    var left: FrameMark {
        let mark = unsafe cb_ws_left(raw)
        return FrameMark(high: mark.high, low: mark.low)
    }
    borrowing func dropQueued() { unsafe cb_ws_drop_queued(raw) }
    borrowing func ping() { unsafe cb_ws_ping(raw) }
    borrowing func close(code: UInt16, reason: String, within limit: Duration) {
        // The reason is copied during the call.
        unsafe Array(reason.utf8)
            .withUnsafeBytes { reason in
                unsafe cb_ws_close(raw, code, cb_bytes(reason), limit.milliseconds)
            }
    }

    /// The value of Sec-WebSocket-Accept for a key.
    static func webSocketAccept(_ key: String) -> [UInt8] {
        var accept = [CChar](repeating: 0, count: 28)
        // C reads the key and writes exactly 28 bytes during the call.
        unsafe Array(key.utf8)
            .withUnsafeBytes { key in
                unsafe accept.withUnsafeMutableBufferPointer { unsafe cb_ws_accept(cb_bytes(key), $0.baseAddress) }
            }
        return accept.map { UInt8(bitPattern: $0) }
    }
}
