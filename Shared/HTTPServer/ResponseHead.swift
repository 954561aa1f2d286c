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

    // Made once: what every response has.
    private static let statusLines = (200...599)
        .map { code in
            let status = Status(code)
            return Array("HTTP/1.1 \(code) \(status.reason)\r\n".utf8)
        }
    private static let contentLength = Array("Content-Length: ".utf8)

    /// `date` is the whole Date field with its line end.
    static func bytes(
        _ status: Status,
        _ headers: Headers,
        _ framing: Framing,
        _ persistence: Persistence,
        date: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160 + headers.text.count + headers.count * 4)
        bytes.append(contentsOf: statusLines[status.code - 200])
        bytes.append(contentsOf: date)
        headers.write(to: &bytes, except: own)
        switch framing {
        case .none, .untilClose: break
        case .chunked: bytes.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .length(let count):
            bytes.append(contentsOf: contentLength)
            append(count, to: &bytes)
            endLine(&bytes)
        }
        switch persistence {
        case .implicit: break
        case .keepAlive: bytes.append(contentsOf: "Connection: keep-alive\r\n".utf8)
        case .close: bytes.append(contentsOf: "Connection: close\r\n".utf8)
        }
        endLine(&bytes)
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
        headers.write(to: &bytes, except: own + ["Sec-WebSocket-Extensions"])
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

    private static func endLine(_ bytes: inout [UInt8]) {
        bytes.append(0x0d)
        bytes.append(0x0a)
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: number / divisor % 10) + 0x30)
            divisor /= 10
        }
    }
}
