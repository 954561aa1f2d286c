import Concurrency
import Glibc

/// A server that does exactly what a test says, byte for byte, on real sockets. Each connection has a thread.
public final class ScriptedServer: Sendable {
    /// One accepted connection; calls block, as they are on a thread of its own.
    public struct Connection: Sendable {
        let socket: Int32

        /// Reads a request's head, and its body if it has a length. `nil` when the peer has closed.
        public func request() -> String? {
            var bytes: [UInt8] = []
            var expected: Int?
            while true {
                if let expected, bytes.count >= expected { break }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                let room = expected.map { min(buffer.count, $0 - bytes.count) } ?? 1
                let count = unsafe recv(socket, &buffer, room, 0)
                guard count > 0 else { return nil }
                bytes += buffer[..<count]
                if expected == nil, bytes.suffix(4) == [13, 10, 13, 10] {
                    let head = String(decoding: bytes, as: UTF8.self).lowercased()
                    let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                        .flatMap { Int($0.dropFirst(15).drop(while: { $0 == " " })) }
                    expected = bytes.count + (length ?? 0)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// Writes all of it; `false` when the peer has gone.
        @discardableResult
        public func write(_ text: String) -> Bool { write(Array(text.utf8)) == text.utf8.count }

        /// Writes as much as the peer takes before it goes.
        public func write(_ bytes: [UInt8]) -> Int {
            var done = 0
            while done < bytes.count {
                let count = unsafe bytes[done...]
                    .withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if count <= 0 { break }
                done += count
            }
            return done
        }

        /// Answers with a whole response.
        public func answer(_ body: String, status: String = "200 OK", headers: String = "") {
            write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Waits until the peer closes.
        public func untilClosed() { while request() != nil {} }

        /// Resets the connection instead of ending it.
        public func reset() {
            // tcp(7): to connect to "nowhere" dissolves the connection, which sends a reset.
            var nowhere = sockaddr(
                sa_family: sa_family_t(AF_UNSPEC),
                sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            )
            // The address is a local, used during the call only.
            unsafe connect(socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
        }
    }

    /// Where it listens.
    public let port: UInt16
    private let listener: Int32
    private let counts = Lock((connections: 0, requests: [String]()))

    /// Its URL, without a path.
    public var url: String { "http://127.0.0.1:\(port)" }
    /// How many connections it has accepted.
    public var connections: Int { counts.withLock { $0.connections } }
    /// The requests that were noted.
    public var requests: [String] { counts.withLock { $0.requests } }

    /// Runs `script` for each connection, numbered from 1; the connection is closed when it returns.
    public init(_ script: @escaping @Sendable (Connection, Int, ScriptedServer) -> Void) {
        let (socket, number) = ScriptedServer.listen()
        listener = socket
        port = number
        spawn { [weak self] in
            while true {
                let accepted = accept(socket, nil, nil)
                guard accepted >= 0, let self else {
                    if accepted >= 0 { close(accepted) }
                    break
                }
                let number = counts.withLock { counts in
                    counts.connections += 1
                    return counts.connections
                }
                spawn {
                    script(Connection(socket: accepted), number, self)
                    // A child process started meanwhile may hold the socket too: closing would not end it.
                    shutdown(accepted, Int32(SHUT_RDWR))
                    close(accepted)
                }
            }
            close(socket)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Notes a request that was read.
    public func note(_ request: String) { counts.withLock { $0.requests.append(request) } }

    private static func listen() -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // The address is a local of exactly that size, used during the calls only.
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(unsafe bind(descriptor, address, size) == 0, "no port for a test's server")
                _ = unsafe getsockname(descriptor, address, &size)
            }
        }
        precondition(Glibc.listen(descriptor, 128) == 0, "a test's server cannot listen")
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}

/// Runs `body` on a thread of its own.
private func spawn(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    // The thread takes the reference back.
    let box = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    var thread = pthread_t()
    unsafe pthread_create(
        &thread,
        nil,
        { context in
            if let context = unsafe context { unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        },
        box
    )
    pthread_detach(thread)
}
