import Concurrency
public import JSON

/// A WebSocket client that blocks on a thread of its own, at most `patience` seconds.
public actor SocketClient {
    /// What went wrong.
    public typealias Failure = TestConnection.Failure

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
    private let connection: TestConnection

    private init(_ connection: sending TestConnection) { self.connection = connection }

    /// Connects; a small `receiveBuffer` makes a reader that is soon full.
    public static func connect(_ port: UInt16, receiveBuffer: Int32? = nil, patience: Int = 20) throws -> SocketClient {
        SocketClient(try TestConnection(port, receiveBuffer: receiveBuffer, patience: patience))
    }

    /// Asks for the upgrade; returns the status line's code.
    public func upgrade(_ path: String, headers: [String] = []) throws -> Int {
        let fields =
            [
                "GET \(path) HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + headers
        try connection.send(Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        return try readHead()
    }

    /// Asks for a stream; returns the status line's code.
    public func get(_ path: String, headers: [String]) throws -> Int {
        let fields = ["GET \(path) HTTP/1.1", "Host: localhost"] + headers
        try connection.send(Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        return try readHead()
    }

    private func readHead() throws -> Int {
        let status = try connection.readLine().split(separator: " ")
        while try !connection.readLine().isEmpty {}
        guard status.count >= 2, let code = Int(status[1]) else { throw Failure("no status") }
        return code
    }

    /// The next event of a stream of server-sent events in chunks: its fields, comments left out.
    public func readEvent() throws -> [String: String] {
        var fields: [String: String] = [:]
        while true {
            let line = try connection.readLine()
            if line.isEmpty {
                if fields["data"] != nil { return fields }
                continue
            }
            for name in ["id", "event", "data", "retry"] where line.hasPrefix(name + ": ") {
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
        try connection.send(bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] })
    }

    /// The next message or close; pings are answered.
    public func next() throws -> Incoming {
        while true {
            let start = try connection.read(2)
            var count = Int(start[1] & 0x7f)
            if count == 126 {
                count = try connection.read(2).reduce(0) { $0 << 8 | Int($1) }
            } else if count == 127 {
                count = try connection.read(8).reduce(0) { $0 << 8 | Int($1) }
            }
            let payload = try connection.read(count)
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
                throw Failure("closed with \(code) \(reason) instead of \(type)")
            }
        }
    }

    /// The code and reason of the close; messages before it are passed over.
    public func closing() throws -> (code: UInt16, reason: String) {
        while true { if case .close(let code, let reason) = try next() { return (code, reason) } }
    }

    /// Goes away without a word.
    public func drop() { connection.close() }
}
