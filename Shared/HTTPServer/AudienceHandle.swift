internal import CBeast

/// One `cb_audience`: made here, destroyed here.
@safe
struct AudienceHandle: ~Copyable, @unchecked Sendable {
    // Sendable: `Audience` checks that it is used on the loop; making and destroying may happen on any thread.
    private let raw: OpaquePointer

    init() {
        // The result is never null.
        unsafe raw = cb_audience_create()
    }

    deinit { unsafe cb_audience_destroy(raw) }

    var count: Int { unsafe cb_audience_count(raw) }

    borrowing func add(_ connection: borrowing ConnectionHandle, tag: UInt64, after mark: FrameMark) {
        unsafe cb_audience_add(raw, connection.raw, tag, cb_mark(mark))
    }

    borrowing func remove(_ connection: borrowing ConnectionHandle) { unsafe cb_audience_remove(raw, connection.raw) }

    borrowing func send(_ frame: borrowing FrameHandle, _ mark: FrameMark, limit: Int) -> Audience.Outcome {
        var late: UnsafePointer<UInt64>?
        var lateCount = 0
        let sent = unsafe cb_audience_send(raw, frame.raw, cb_mark(mark), limit, &late, &lateCount)
        // What `late` points to is valid until the next call; it is copied here.
        return unsafe Audience.Outcome(sent: sent, late: Array(UnsafeBufferPointer(start: late, count: lateCount)))
    }
}

extension cb_mark {
    init(_ mark: FrameMark) { self.init(high: mark.high, low: mark.low) }
}
