extension FuzzTarget {
    /// Whatever is sent, the server answers in HTTP and never with a fault of its own, closes, and serves the next client.
    /// 501 and 505 are the client's fault: a method or a version that is not known (RFC 9110 §15.6).
    static func http(port: UInt16) -> FuzzTarget {
        let corpus = [
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /jobs/7?a=b&c=%20d HTTP/1.1\r\nHost: h\r\nAccept: text/html, */*;q=0.1\r\nConnection: close\r\n\r\n",
            "POST /jobs HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"params\":{}}",
            "POST /jobs HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: t\r\n\r\n",
            "PUT /files/a/b%2Fc HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
            "HEAD / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET http://h/jobs/1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /jobs/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /no HTTP/1.1\r\nHost: h\r\n\r\n",
        ]
        return FuzzTarget("http-server", corpus) { input, random in
            let reply = try RawSocket.exchange(random.pieces(of: input), port: port)
            let text = String(decoding: reply, as: UTF8.self)
            guard reply.isEmpty || text.hasPrefix("HTTP/1.1 ") else { throw Broken("the answer is not HTTP: \(text)") }
            let faults = text.replacing("HTTP/1.1 501", with: "").replacing("HTTP/1.1 505", with: "")
            guard !faults.contains("HTTP/1.1 5") else { throw Broken("the server answers \(text)") }
            if random.chance(64) {
                let reply = try RawSocket.exchange([Array(corpus[0].utf8)[...]], port: port)
                guard reply.starts(with: "HTTP/1.1 200".utf8) else { throw Broken("a good request is refused") }
            }
            return text.hasPrefix("HTTP/1.1 2")
        }
    }

    /// Whatever frames are sent, the server sends well-formed frames only, and closes.
    static func webSocket(port: UInt16) -> FuzzTarget {
        let handshake = """
            GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """
        let frames = [
            frame(0x81, Array("hello €".utf8)), frame(0x82, [UInt8](repeating: 7, count: 300)),
            frame(0x01, Array("part".utf8)) + frame(0x89, [1, 2]) + frame(0x80, Array("end".utf8)), frame(0x8A, []),
            frame(0x88, [3, 0xE8] + Array("bye".utf8)), frame(0x88, []),
            frame(0x82, [UInt8](repeating: 7, count: 16_000)),
            frame(0x81, []) + frame(0x81, [0x41]) + frame(0x88, [3, 0xE8]),
        ]
        return FuzzTarget("web-socket", [], bytes: frames) { input, random in
            let reply = try RawSocket.exchange([Array(handshake.utf8)[...]] + random.pieces(of: input), port: port)
            guard reply.starts(with: "HTTP/1.1 101".utf8), let end = headEnd(reply) else {
                throw Broken("a good handshake is answered \(String(decoding: reply.prefix(20), as: UTF8.self))")
            }
            return try checkFrames(reply[end...])
        }
    }

    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let mask: [UInt8] = [1, 2, 3, 4]
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        let end = Array("\r\n\r\n".utf8)
        return bytes.indices.first { bytes[$0...].starts(with: end) }.map { $0 + end.count }
    }

    /// Reads what a server sent as frames; whether one of them was a message.
    private static func checkFrames(_ bytes: ArraySlice<UInt8>) throws -> Bool {
        var rest = bytes
        var hasMessage = false
        while rest.count >= 2 {
            let first = rest[rest.startIndex]
            var count = Int(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
            if count == 126 || count == 127 {
                let width = count == 126 ? 2 : 8
                count = rest.prefix(width).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(width)
            }
            // A masked frame has a length of 128 or more in that byte.
            guard [0x81, 0x82, 0x88, 0x89, 0x8A].contains(first), count <= rest.count else {
                throw Broken(
                    "the server sent a frame that begins with \(first) and has \(count) bytes of \(rest.count)"
                )
            }
            let payload = rest.prefix(count)
            if first == 0x81, String(validating: payload, as: UTF8.self) == nil { throw Broken("text is not UTF-8") }
            if first >= 0x88, count > 125 { throw Broken("a control frame of \(count) bytes") }
            hasMessage = hasMessage || first < 0x88
            rest = rest.dropFirst(count)
            if first == 0x88, !rest.isEmpty { throw Broken("\(rest.count) bytes come after a close") }
        }
        guard rest.isEmpty else { throw Broken("half a frame") }
        return hasMessage
    }
}
