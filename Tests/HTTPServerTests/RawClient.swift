import Concurrency
import Glibc

/// A TCP client that sends exactly the bytes it is given. It blocks on a thread of its own, at most `patience`.
actor RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A response as it came.
    struct Answer: Sendable {
        var status = 0
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(_ name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
    }

    private let executor = ThreadExecutor(name: "raw client")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The actor holds the executor.
        unsafe executor.asUnownedSerialExecutor()
    }
    private let file: Int32
    private var held: [UInt8] = []
    private var isOpen = true

    private init(file: Int32) { self.file = file }

    deinit { if isOpen { Glibc.close(file) } }

    /// Connects. A small `receiveBuffer` makes a reader that is soon full.
    static func connect(_ port: UInt16, receiveBuffer: Int32? = nil, patience: Int = 20) throws -> RawClient {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        func option(_ level: Int32, _ name: Int32, _ value: Int32) {
            var value = value
            // The value is read during the call.
            unsafe _ = setsockopt(file, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        if let receiveBuffer { option(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        option(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        // Both structures are read during the calls.
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(file, $0, size) }
        }
        guard result == 0 else {
            Glibc.close(file)
            throw Failure(description: "connect: \(errno)")
        }
        return RawClient(file: file)
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            // The pointer is used during the call only.
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(file, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(errno)") }
            sent += count
        }
    }

    /// Sends until the kernel has taken nothing for a tenth of a second; returns how many bytes it took.
    func sendWhatFits(_ bytes: [UInt8]) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            var file = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
            // The structure is read and written during the call.
            if unsafe poll(&file, 1, 100) == 0 { break }
            // The pointer is used during the call only.
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    self.file,
                    bytes.baseAddress?.advanced(by: sent),
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                )
            }
            guard count > 0 else { throw Failure(description: "send: \(errno)") }
            sent += count
        }
        return sent
    }

    /// Says that nothing more will be sent.
    func endSending() { shutdown(file, Int32(SHUT_WR)) }

    func close() {
        if isOpen { Glibc.close(file) }
        isOpen = false
    }

    /// Closes with a reset, as a crashed peer's system does.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        // The structure is read during the call.
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    /// Reads what is there; `false` at the end of the stream.
    private func fill() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // The bytes are stored during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(file, $0.baseAddress, $0.count, 0) }
        if count == 0 { return false }
        guard count > 0 else {
            throw Failure(description: errno == EAGAIN ? "nothing came" : "recv: \(errno), held \(held.count) bytes")
        }
        held.append(contentsOf: buffer[..<count])
        return true
    }

    /// Exactly so many bytes.
    func read(_ count: Int) throws -> [UInt8] {
        while held.count < count {
            guard try fill() else { throw Failure(description: "the stream ended early") }
        }
        defer { held.removeFirst(count) }
        return Array(held[..<count])
    }

    /// Everything until the server closes.
    func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { held = [] }
        return held
    }

    /// Whether the server has closed and nothing is left.
    func isAtEnd() throws -> Bool { try held.isEmpty && !fill() }

    func readLine() throws -> String {
        while true {
            if let end = held.firstIndex(of: 0x0a) {
                defer { held.removeFirst(end + 1) }
                return String(decoding: held[..<end].filter { $0 != 0x0d }, as: UTF8.self)
            }
            guard try fill() else { throw Failure(description: "the stream ended in a line: \(held.count) bytes") }
        }
    }

    /// The head of a response.
    func readHead() throws -> Answer {
        var answer = Answer()
        let line = try readLine().split(separator: " ")
        guard line.count >= 2, line[0] == "HTTP/1.1", let status = Int(line[1]) else {
            throw Failure(description: "no status line: \(line)")
        }
        answer.status = status
        while case let field = try readLine(), !field.isEmpty {
            let parts = field.split(separator: ":", maxSplits: 1)
            answer.fields.append((String(parts[0]), parts.count > 1 ? String(parts[1].dropFirst()) : ""))
        }
        return answer
    }

    /// A chunk of a chunked body; empty for the last.
    func readChunk() throws -> [UInt8] {
        guard let count = Int(try readLine(), radix: 16) else { throw Failure(description: "no chunk size") }
        let bytes = try read(count)
        guard try readLine().isEmpty else { throw Failure(description: "no end of a chunk") }
        return bytes
    }

    /// A whole response.
    func readAnswer(to method: String = "GET") throws -> Answer {
        var answer = try readHead()
        if method == "HEAD" || answer.status == 204 || answer.status == 304 || answer.status < 200 { return answer }
        if answer["Transfer-Encoding"] == "chunked" {
            while case let chunk = try readChunk(), !chunk.isEmpty { answer.body += chunk }
        } else if let count = answer["Content-Length"].flatMap({ Int($0) }) {
            answer.body = try read(count)
        } else {
            answer.body = try readToEnd()
        }
        return answer
    }

    /// Sends and reads one response.
    func ask(_ text: String) throws -> Answer {
        try send(text)
        return try readAnswer(to: String(text.prefix { $0 != " " }))
    }
}
