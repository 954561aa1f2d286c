import Glibc

/// A blocking TCP connection to a port of this machine, and what was read of it and not yet used. Whoever owns it keeps
/// it on a thread of their own; a read that takes longer than `patience` seconds fails.
public final class TestConnection {
    /// What went wrong.
    public struct Failure: Error, CustomStringConvertible {
        /// In words.
        public let description: String

        /// A failure with these words.
        public init(_ description: String) { self.description = description }
    }

    /// The descriptor, for what this type does not do.
    public let file: Int32
    /// Read and not yet used.
    public private(set) var held: [UInt8] = []
    private var isOpen = true

    /// Connects. A small `receiveBuffer` makes a reader that is soon full.
    public init(_ port: UInt16, receiveBuffer: Int32? = nil, patience: Int = 20) throws {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        func option(_ level: Int32, _ name: Int32, _ value: Int32) {
            var value = value
            // The value is read during the call.
            unsafe _ = setsockopt(file, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        if let receiveBuffer { option(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        option(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Both structures are read during the calls.
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(file, $0, size) }
        }
        self.file = file
        guard result == 0 else { throw Failure("connect: \(errno)") }
    }

    deinit { close() }

    /// Closes it; a second time does nothing.
    public func close() {
        if isOpen { Glibc.close(file) }
        isOpen = false
    }

    /// Sends all of it.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count { sent += try send(bytes[sent...], flags: 0) }
    }

    /// Sends what one call takes, with more flags; returns how many bytes.
    public func send(_ bytes: ArraySlice<UInt8>, flags: Int32) throws -> Int {
        // The pointer is used during the call only.
        let count = unsafe bytes.withUnsafeBytes { bytes in
            unsafe Glibc.send(file, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | flags)
        }
        guard count > 0 else { throw Failure("send: \(errno)") }
        return count
    }

    /// Reads what is there; `false` at the end of the stream.
    public func fill() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // The bytes are stored during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(file, $0.baseAddress, $0.count, 0) }
        if count == 0 { return false }
        guard count > 0 else {
            throw Failure(errno == EAGAIN ? "nothing came" : "recv: \(errno), held \(held.count) bytes")
        }
        held.append(contentsOf: buffer[..<count])
        return true
    }

    /// Exactly so many bytes.
    public func read(_ count: Int) throws -> [UInt8] {
        while held.count < count {
            guard try fill() else { throw Failure("the stream ended early") }
        }
        defer { held.removeFirst(count) }
        return Array(held[..<count])
    }

    /// Everything until the other side closes.
    public func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { held = [] }
        return held
    }

    /// A line without its end.
    public func readLine() throws -> String {
        while true {
            if let end = held.firstIndex(of: 0x0a) {
                defer { held.removeFirst(end + 1) }
                return String(decoding: held[..<end].filter { $0 != 0x0d }, as: UTF8.self)
            }
            guard try fill() else { throw Failure("the stream ended in a line: \(held.count) bytes") }
        }
    }
}
