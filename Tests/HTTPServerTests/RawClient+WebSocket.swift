import TestSupport

/// Frames, written and read by hand, so that a test can write them wrong.
extension RawClient {
    struct Frame: Sendable, Equatable {
        var final = true
        var code: UInt8
        var payload: [UInt8] = []

        static func text(_ text: String) -> Frame { Frame(code: 1, payload: Array(text.utf8)) }
        static func close(_ code: UInt16, _ reason: String = "") -> Frame {
            Frame(code: 8, payload: [UInt8(code >> 8), UInt8(code & 0xff)] + Array(reason.utf8))
        }

        var text: String { String(decoding: payload, as: UTF8.self) }
        /// The code of a close.
        var closeCode: UInt16? { code == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil }

        /// As a client sends it.
        func bytes(mask: [UInt8]? = [1, 2, 3, 4], reserved: UInt8 = 0) -> [UInt8] {
            var bytes = [(final ? 0x80 : 0) | reserved | code]
            let masked: UInt8 = mask == nil ? 0 : 0x80
            switch payload.count {
            case ..<126: bytes.append(masked | UInt8(payload.count))
            case ...0xffff: bytes += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
            default: bytes += [masked | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
            }
            guard let mask else { return bytes + payload }
            return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
        }
    }

    static let handshake = """
        Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
        """

    /// A connection that has become a WebSocket.
    static func openWebSocket(
        _ port: UInt16,
        _ path: String = "/ws",
        receiveBuffer: Int32? = nil
    ) async throws -> RawClient {
        let client = try RawClient.connect(port, receiveBuffer: receiveBuffer)
        try await client.send(get(path, handshake))
        let head = try await client.readHead()
        guard head.status == 101 else { throw Failure("no upgrade: \(head.status)") }
        return client
    }

    func send(_ frame: Frame) throws { try send(frame.bytes()) }

    /// The next frame; a server's frames are unmasked.
    func readFrame() throws -> Frame {
        let start = try read(2)
        guard start[1] & 0x80 == 0 else { throw Failure("a masked frame") }
        var count = Int(start[1] & 0x7f)
        if count == 126 {
            count = try read(2).reduce(0) { $0 << 8 | Int($1) }
        } else if count == 127 {
            count = try read(8).reduce(0) { $0 << 8 | Int($1) }
        }
        return Frame(final: start[0] & 0x80 != 0, code: start[0] & 0x0f, payload: try read(count))
    }
}
