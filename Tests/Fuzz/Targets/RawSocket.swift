import Glibc

/// A TCP client that sends what it is given, says that nothing more comes, and reads until the server closes.
struct RawSocket: ~Copyable {
    private static let patience = 10
    private let file: Int32

    private init(port: UInt16) throws {
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var one: Int32 = 1
        var limit = timeval(tv_sec: RawSocket.patience, tv_usec: 0)
        // What the pointers name is read during the calls.
        unsafe _ = setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let file = file
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(file, $0, size) }
        }
        guard result == 0 else { throw FuzzTarget.Broken("the server takes no connection: \(errno)") }
    }

    deinit { close(file) }

    /// Sends the pieces and returns all that comes back. Throws `Broken` when the server does not close in time.
    static func exchange(_ pieces: [ArraySlice<UInt8>], port: UInt16) throws -> [UInt8] {
        let socket = try RawSocket(port: port)
        for piece in pieces where !piece.isEmpty {
            // A server that has heard enough may close before the end.
            guard socket.send(piece) else { break }
        }
        shutdown(socket.file, Int32(SHUT_WR))
        return try socket.readToEnd()
    }

    private borrowing func send(_ bytes: ArraySlice<UInt8>) -> Bool {
        let file = file
        var rest = bytes
        while !rest.isEmpty {
            // The bytes are read during the call.
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private borrowing func readToEnd() throws -> [UInt8] {
        let file = file
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            // The bytes are stored during the call.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(file, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                all += buffer[..<count]
            } else if count == 0 || errno == ECONNRESET {
                return all
            } else {
                throw FuzzTarget.Broken("after \(RawSocket.patience) s the server has not closed")
            }
        }
    }
}
