internal import CBeast

/// One `cb_frame`: made here, given back here. Sockets that queue it hold references of their own.
@safe
struct FrameHandle: ~Copyable, @unchecked Sendable {
    // Sendable: the bytes never change after creation and the count of references is atomic.
    let raw: OpaquePointer

    init(_ payload: [UInt8], isText: Bool) {
        // The bytes are copied during the call; the result is never null.
        unsafe raw = payload.withUnsafeBytes { unsafe cb_frame_create(cb_bytes($0), isText) }
    }

    deinit { unsafe cb_frame_release(raw) }

    var byteCount: Int { unsafe cb_frame_size(raw) }
}

extension cb_bytes {
    /// A view that is valid as long as the buffer is.
    init(_ buffer: UnsafeRawBufferPointer) {
        unsafe self.init(data: buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), count: buffer.count)
    }

    /// A copy of what C shows during a callback.
    var copy: [UInt8] { unsafe Array(UnsafeBufferPointer(start: data, count: count)) }
}
