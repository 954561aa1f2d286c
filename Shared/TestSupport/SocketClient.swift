import Concurrency
import Glibc
public import JSON

/// A WebSocket client that blocks on a thread of its own, at most `patience` seconds.
public actor SocketClient {
    /// What went wrong.
    public struct Failure: Error, CustomStringConvertible {
        /// In words.
        public let description: String
    }

    /// What the server sent.
    public enum Incoming: Sendable {
        /// A text message.
        case message(JSONElement)
        /// A close, by code and reason.
        case close(UInt16, String)

        /// The message, if it is one.
        public var message: JSONElement? { if case .message(let message) = self { message } else { nil } }
    }

    private let executor = ThreadExecutor(name: "socket client")
    /// Its own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The actor holds the executor.
        unsafe executor.asUnownedSerialExecutor()
    }
    private let file: Int32
    private var held: [UInt8] = []
    private var isOpen = true

    private init(file: Int32) { self.file = file }

    deinit { if isOpen { Glibc.close(file) } }

    /// Connects; a small `receiveBuffer` makes a reader that is soon full.
    public static func connect(_ port: UInt16, receiveBuffer: Int32? = nil, patience: Int = 20) throws -> SocketClient {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            // The value is read during the call.
            unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        // The value is read during the call.
        unsafe _ = setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // The address is read during the call.
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(file, $0, size) }
        }
        guard result == 0 else {
            Glibc.close(file)
            throw Failure(description: "connect: \(errno)")
        }
        return SocketClient(file: file)
    }

    /// Asks for the upgrade; returns the status line's code.
    public func upgrade(_ path: String, headers: [String] = []) throws -> Int {
        let fields =
            [
                "GET \(path) HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + headers
        try write(Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        return try readHead()
    }

    /// Asks for a stream; returns the status line's code.
    public func get(_ path: String, headers: [String]) throws -> Int {
        let fields = ["GET \(path) HTTP/1.1", "Host: localhost"] + headers
        try write(Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        return try readHead()
    }

    private func readHead() throws -> Int {
        let status = try readLine().split(separator: " ")
        while try !readLine().isEmpty {}
        guard status.count >= 2, let code = Int(status[1]) else { throw Failure(description: "no status") }
        return code
    }

    /// The next event of a stream of server-sent events in chunks: its fields, comments left out.
    public func readEvent() throws -> [String: String] {
        var fields: [String: String] = [:]
        while true {
            let line = try readLine()
            if line.isEmpty {
                if fields["data"] != nil { return fields }
                continue
            }
            for name in ["id", "event", "data"] where line.hasPrefix(name + ": ") {
                fields[name] = String(line.dropFirst(name.count + 2))
            }
        }
    }

    /// Sends a text message.
    public func send(_ text: String) throws { try frame(1, Array(text.utf8)) }

    /// Sends a binary message.
    public func send(binary bytes: [UInt8]) throws { try frame(2, bytes) }

    private func frame(_ code: UInt8, _ payload: [UInt8]) throws {
        var bytes: [UInt8] = [0x80 | code]
        if payload.count < 126 {
            bytes.append(0x80 | UInt8(payload.count))
        } else {
            bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        }
        let mask: [UInt8] = [1, 2, 3, 4]
        try write(bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] })
    }

    /// The next message or close; pings are answered.
    public func next() throws -> Incoming {
        while true {
            let start = try read(2)
            var count = Int(start[1] & 0x7f)
            if count == 126 {
                count = try read(2).reduce(0) { $0 << 8 | Int($1) }
            } else if count == 127 {
                count = try read(8).reduce(0) { $0 << 8 | Int($1) }
            }
            let payload = try read(count)
            switch start[0] & 0x0f {
            case 1: return .message(try JSONDocument(parsing: payload).root)
            case 8:
                let code = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
                return .close(code, String(decoding: payload.dropFirst(2), as: UTF8.self))
            case 9: try frame(10, payload)
            default: break
            }
        }
    }

    /// The next message of a type; those before it are passed over.
    public func next(_ type: String) throws -> JSONElement {
        while true {
            switch try next() {
            case .message(let message) where message["type"]?.string == type: return message
            case .message: continue
            case .close(let code, let reason):
                throw Failure(description: "closed with \(code) \(reason) instead of \(type)")
            }
        }
    }

    /// The code and reason of the close; messages before it are passed over.
    public func closing() throws -> (code: UInt16, reason: String) {
        while true { if case .close(let code, let reason) = try next() { return (code, reason) } }
    }

    /// Goes away without a word.
    public func drop() {
        if isOpen { Glibc.close(file) }
        isOpen = false
    }

    private func write(_ bytes: [UInt8]) throws {
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

    private func readLine() throws -> String {
        while true {
            if let end = held.firstIndex(of: 0x0a) {
                defer { held.removeFirst(end + 1) }
                return String(decoding: held[..<end].filter { $0 != 0x0d }, as: UTF8.self)
            }
            try fill()
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        while held.count < count { try fill() }
        defer { held.removeFirst(count) }
        return Array(held[..<count])
    }

    private func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // The bytes are stored during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(file, $0.baseAddress, $0.count, 0) }
        guard count > 0 else {
            throw Failure(
                description: count == 0 ? "the stream ended" : errno == EAGAIN ? "nothing came" : "recv \(errno)"
            )
        }
        held.append(contentsOf: buffer[..<count])
    }
}
