internal import CSpawn
internal import Glibc

/// One open file descriptor, closed at the end of its life.
struct DescriptorHandle: ~Copyable {
    let number: Int32

    init(adopting number: Int32) { self.number = number }
    deinit { close(number) }

    /// Makes reads and writes return at once.
    borrowing func stopBlocking() { _ = fcntl(number, F_SETFL, O_NONBLOCK) }

    /// Makes the descriptor of an event readable.
    borrowing func signal() {
        var one: UInt64 = 1
        // Eight bytes of a local. A full counter is readable already.
        _ = unsafe Glibc.write(number, &one, 8)
    }

    /// Makes the descriptor of an event unreadable.
    borrowing func drain() {
        var count: UInt64 = 0
        // Eight bytes into a local. An empty event returns an error at once.
        _ = unsafe Glibc.read(number, &count, 8)
    }

    /// An event.
    static func event() -> DescriptorHandle {
        let number = cspawn_event()
        precondition(number >= 0, "no file descriptor left for the process loop")
        return DescriptorHandle(adopting: number)
    }

    /// An empty input.
    static func null() throws(SubprocessError) -> DescriptorHandle {
        // The path's bytes are lent for the call.
        let number = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw .notStarted(step: "open", number: errno) }
        return DescriptorHandle(adopting: number)
    }

    /// What a read or write came to.
    enum Transfer {
        case moved(Int)
        case wouldBlock
        case ended
    }

    /// Reads what is there, up to the buffer's size.
    borrowing func read(into buffer: inout [UInt8]) -> Transfer {
        while true {
            // The system writes at most the buffer's count.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .ended
        }
    }

    /// Writes as much as the pipe takes. SIGPIPE is blocked on the loop's thread.
    borrowing func write(_ bytes: ArraySlice<UInt8>) -> Transfer {
        while true {
            // The pointer is used during the call only.
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            if count >= 0 { return .moved(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .ended
        }
    }
}

/// Both ends of a pipe.
struct PipeHandle: ~Copyable {
    let reader: DescriptorHandle
    let writer: DescriptorHandle

    /// A new pipe.
    init() throws(SubprocessError) {
        var ends: (reader: Int32, writer: Int32) = (-1, -1)
        // The system writes one number into each local.
        guard unsafe cspawn_pipe(&ends.reader, &ends.writer) == 0 else {
            throw .notStarted(step: "pipe", number: errno)
        }
        reader = DescriptorHandle(adopting: ends.reader)
        writer = DescriptorHandle(adopting: ends.writer)
    }
}
