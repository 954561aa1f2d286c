import Glibc

/// A connection that does with its bytes what no library would, and never waits.
final class RawSocket: Sendable {
    private let file: Int32

    struct Failure: Error { let number: Int32 }

    /// Connects; with a small `receiveBuffer` it is soon full.
    init(_ port: Int, receiveBuffer: Int32? = nil) throws {
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            // The value is read during the call.
            unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // The address is read during the call.
        let connected = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if !connected { throw Failure(number: errno) }
    }

    deinit { close(file) }

    /// Sends what the kernel takes now; false when the other side is gone.
    @discardableResult func push(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            // The bytes are read during the call.
            let count = unsafe rest.withUnsafeBytes {
                unsafe send(file, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
            if count < 0 { return errno == EAGAIN }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult func push(_ text: String) -> Bool { push(Array(text.utf8)) }

    /// Says that nothing more comes, and goes on listening.
    func halfClose() { shutdown(file, Int32(SHUT_WR)) }
}
