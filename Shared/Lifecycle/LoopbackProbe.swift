import Glibc

/// Asks a server on this machine one question, for the health check of a container that has no other tool.
enum LoopbackProbe {
    /// Whether `GET path` on 127.0.0.1 is answered with status 200 within so many seconds.
    static func answersOK(port: UInt16, path: String, within seconds: Int) -> Bool {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { return false }
        defer { close(file) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        // The pointers here and below are to locals and used during the calls only.
        unsafe setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        unsafe setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return false }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard unsafe request.withUnsafeBytes({ unsafe write(file, $0.baseAddress, $0.count) }) == request.count else {
            return false
        }
        var answer = [UInt8](repeating: 0, count: 15)
        let count = unsafe answer.withUnsafeMutableBytes {
            unsafe recv(file, $0.baseAddress, $0.count, Int32(MSG_WAITALL))
        }
        return count == answer.count && answer.starts(with: "HTTP/1.1 200".utf8)
    }
}
