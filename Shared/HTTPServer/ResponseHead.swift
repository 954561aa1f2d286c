/// Writes the head of a response.
enum ResponseHead {
    enum Framing {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    enum Persistence {
        /// HTTP/1.1's own way.
        case implicit
        /// HTTP/1.0 asks for it by name.
        case keepAlive
        case close
    }

    /// Fields that only the server may write.
    private static let own = ["Content-Length", "Transfer-Encoding", "Connection", "Date"]

    static func bytes(
        _ status: Status,
        _ headers: Headers,
        _ framing: Framing,
        _ persistence: Persistence,
        date: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160 + headers.text.count + headers.count * 4)
        bytes.append(contentsOf: "HTTP/1.1 ".utf8)
        append(status.code, to: &bytes)
        bytes.append(0x20)
        bytes.append(contentsOf: status.reason.utf8)
        bytes.append(contentsOf: "\r\nDate: ".utf8)
        bytes.append(contentsOf: date)
        bytes.append(contentsOf: "\r\n".utf8)
        headers.write(to: &bytes) { field in !own.contains { headers.isNamed(field, $0) } }
        switch framing {
        case .none, .untilClose: break
        case .chunked: bytes.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .length(let count):
            bytes.append(contentsOf: "Content-Length: ".utf8)
            append(count, to: &bytes)
            bytes.append(contentsOf: "\r\n".utf8)
        }
        switch persistence {
        case .implicit: break
        case .keepAlive: bytes.append(contentsOf: "Connection: keep-alive\r\n".utf8)
        case .close: bytes.append(contentsOf: "Connection: close\r\n".utf8)
        }
        bytes.append(contentsOf: "\r\n".utf8)
        return bytes
    }

    /// The answer to a WebSocket handshake.
    static func switchingProtocols(accept: [UInt8], subprotocol: String?, _ headers: Headers) -> [UInt8] {
        var bytes = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".utf8)
        bytes.append(contentsOf: "Sec-WebSocket-Accept: ".utf8)
        bytes.append(contentsOf: accept)
        bytes.append(contentsOf: "\r\n".utf8)
        var headers = headers
        headers["Sec-WebSocket-Protocol"] = subprotocol
        headers.write(to: &bytes) { field in
            !own.contains { headers.isNamed(field, $0) } && !headers.isNamed(field, "Sec-WebSocket-Extensions")
        }
        bytes.append(contentsOf: "\r\n".utf8)
        return bytes
    }

    /// One chunk of a chunked body.
    static func chunk(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count + 20)
        bytes.append(contentsOf: String(content.count, radix: 16).utf8)
        bytes.append(contentsOf: "\r\n".utf8)
        bytes.append(contentsOf: content)
        bytes.append(contentsOf: "\r\n".utf8)
        return bytes
    }

    static let lastChunk = Array("0\r\n\r\n".utf8)

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: number / divisor % 10) + 0x30)
            divisor /= 10
        }
    }
}
