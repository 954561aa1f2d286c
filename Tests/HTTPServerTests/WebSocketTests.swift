import Concurrency
import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct WebSocketTests {
    /// Sends each message back and tells what happened.
    final class Echo: WebSocketHandler {
        let probe = Probe<String>()
        func opened(_ socket: WebSocket) { probe.note("opened") }
        func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
            socket.send(isText ? WebSocketFrame(text: message) : WebSocketFrame(binary: message))
        }
        func closed(_ socket: WebSocket, code: UInt16, reason: String) { probe.note("closed \(code) \(reason)") }
    }

    private func withEcho(
        _ change: (inout ServerSettings) -> Void = { _ in },
        _ body: (UInt16, Echo, Server) async throws -> Void
    ) async throws {
        let echo = Echo()
        try await withServer(change) { router in
            router.webSocket("/ws") { request in
                .accept(echo, subprotocol: request.offeredSubprotocols.first { $0 == "martlet.v1+json" })
            }
            router.webSocket("/no") { _ in .refuse(.text(.forbidden, "no")) }
            router.webSocket("/both") { _ in .accept(echo) }
            router.add(.get, "/both") { _ in .text(.ok, "plain") }
        } _: { port, server in
            try await body(port, echo, server)
        }
    }

    typealias Frame = RawClient.Frame

    @Test func `shakes hands as RFC 6455 says`() async throws {
        try await withEcho { port, _, _ in
            let client = try RawClient.connect(port)
            let protocols = "Sec-WebSocket-Protocol: other, martlet.v1+json\r\n"
            try await client.send(get("/ws", RawClient.handshake + protocols))
            let head = try await client.readHead()
            #expect(head.status == 101)
            #expect(head["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(head["Sec-WebSocket-Protocol"] == "martlet.v1+json")
            #expect(head["Sec-WebSocket-Extensions"] == nil)
            try await client.send(.text("hello"))
            #expect(try await client.readFrame() == .text("hello"))
        }
    }

    @Test(arguments: [0, 125, 126, 65_535, 65_536])
    func `a message of any length is framed as RFC 6455 says`(_ length: Int) async throws {
        let sized = Sized()
        try await withServer { router in
            router.webSocket("/ws") { _ in .accept(sized) }
        } _: { port, _ in
            let client = try await RawClient.openWebSocket(port)
            try await client.send(.text("\(length)"))
            #expect(try await client.readFrame() == Frame(code: 2, payload: [UInt8](repeating: 7, count: length)))
        }
    }

    /// Sends as many bytes as it is asked for.
    final class Sized: WebSocketHandler {
        func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
            let count = Int(String(decoding: message, as: UTF8.self)) ?? 0
            socket.send(WebSocketFrame(binary: [UInt8](repeating: 7, count: count)))
        }
        func closed(_ socket: WebSocket, code: UInt16, reason: String) {}
    }

    static let handshakes: [(String, Int)] = [
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400),
        (RawClient.handshake.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
        (RawClient.handshake.replacing("ZQ==", with: "ZR=="), 400),
        (RawClient.handshake + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400),
        (RawClient.handshake.replacing("13", with: "8"), 426),
        (RawClient.handshake.replacing("Sec-WebSocket-Version: 13\r\n", with: ""), 426),
        (RawClient.handshake.replacing("Upgrade: websocket", with: "Upgrade: h2c"), 426),
        ("", 426),
    ]

    @Test(arguments: handshakes) func `refuses other handshakes`(_ fields: String, _ status: Int) async throws {
        try await withEcho { port, _, _ in
            let answer = try await ask(port, get("/ws", fields))
            #expect(answer.status == status)
            #expect(status != 426 || answer["Sec-WebSocket-Version"] == "13")
        }
    }

    @Test func `refuses what a handler refuses, and other methods and versions`() async throws {
        try await withEcho { port, _, _ in
            let refused = try await ask(port, get("/no", RawClient.handshake))
            #expect(refused.status == 403)
            #expect(refused.text == "no")
            let post = try await ask(port, "POST /ws HTTP/1.1\r\nHost: h\r\n\(RawClient.handshake)\r\n")
            #expect(post.status == 405)
            let old = try await ask(port, "GET /ws HTTP/1.0\r\nHost: h\r\n\(RawClient.handshake)\r\n")
            #expect(old.status == 400)
            let plain = try await ask(port, get("/both"))
            #expect(plain.text == "plain")
            _ = try await RawClient.openWebSocket(port, "/both")
        }
    }

    struct Violation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let code: UInt16

        init(_ description: String, _ bytes: [UInt8], _ code: UInt16) {
            testDescription = description
            self.bytes = bytes
            self.code = code
        }
    }

    static let violations: [Violation] = [
        Violation("an unmasked frame", Frame.text("a").bytes(mask: nil), 1002),
        Violation("a reserved bit", Frame.text("a").bytes(reserved: 0x40), 1002),
        Violation("an unknown opcode", Frame(code: 3).bytes(), 1002),
        Violation("an unknown control opcode", Frame(code: 11).bytes(), 1002),
        Violation("a ping in fragments", Frame(final: false, code: 9).bytes(), 1002),
        Violation("a ping too long", Frame(code: 9, payload: [UInt8](repeating: 0, count: 126)).bytes(), 1002),
        Violation("a continuation of nothing", Frame(code: 0, payload: [1]).bytes(), 1002),
        Violation("a message inside a message", Frame(final: false, code: 1).bytes() + Frame.text("a").bytes(), 1002),
        Violation("invalid UTF-8", Frame(code: 1, payload: [0xc0, 0x80]).bytes(), 1007),
        Violation("UTF-8 that is cut short", Frame(code: 1, payload: [0xe2, 0x82]).bytes(), 1007),
        Violation("invalid UTF-8 before the end", Frame(final: false, code: 1, payload: [0xff]).bytes(), 1007),
        Violation("a message too big", [0x82, 0xfe, 0x40, 0x01, 0, 0, 0, 0], 1009),
        Violation(
            "fragments too big together",
            Frame(final: false, code: 2, payload: [UInt8](repeating: 0, count: 16_000)).bytes()
                + Frame(code: 0, payload: [UInt8](repeating: 0, count: 400)).bytes(),
            1009
        ),
        Violation("a length beyond 63 bits", [0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
        Violation("a length not in its shortest form", [0x82, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5], 1002),
        Violation("a close of one byte", Frame(code: 8, payload: [3]).bytes(), 1002),
        Violation("a close with a reserved code", Frame.close(1005).bytes(), 1002),
        Violation("a close with an unknown code", Frame.close(2999).bytes(), 1002),
        Violation("a close with an invalid reason", Frame(code: 8, payload: [3, 0xe8, 0xff]).bytes(), 1007),
    ]

    @Test(arguments: violations) func `closes with the code for it`(_ violation: Violation) async throws {
        try await withEcho { port, echo, _ in
            let client = try await RawClient.openWebSocket(port)
            try await client.send(violation.bytes)
            #expect(try await client.readFrame().closeCode == violation.code)
            #expect(try await client.isAtEnd())
            try await echo.probe.wait(for: "closed") { $0.contains { $0.hasPrefix("closed \(violation.code) ") } }
        }
    }

    @Test func `puts fragments together, byte by byte, with control frames between`() async throws {
        try await withEcho { port, _, _ in
            let client = try await RawClient.openWebSocket(port)
            let euro = Array("€uro".utf8)
            let frames = [
                Frame(final: false, code: 1, payload: Array(euro[..<2])), Frame(code: 9, payload: [7]),
                Frame(final: false, code: 0), Frame(code: 0, payload: Array(euro[2...])),
            ]
            for byte in frames.flatMap({ $0.bytes() }) { try await client.send([byte]) }
            #expect(try await client.readFrame() == Frame(code: 10, payload: [7]))
            #expect(try await client.readFrame() == .text("€uro"))
            let large = Frame(code: 2, payload: [UInt8](repeating: 9, count: 16 * 1024))
            try await client.send(large)
            #expect(try await client.readFrame() == large)
            try await client.send(Frame(code: 1))
            #expect(try await client.readFrame() == Frame(code: 1))
        }
    }

    @Test func `messages sent behind the handshake are not lost`() async throws {
        try await withEcho { port, _, _ in
            let client = try RawClient.connect(port)
            try await client.send(Array(get("/ws", RawClient.handshake).utf8) + Frame.text("early").bytes())
            #expect(try await client.readHead().status == 101)
            #expect(try await client.readFrame() == .text("early"))
        }
    }

    @Test(arguments: [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999] as [UInt16])
    func `answers a close with its code`(_ code: UInt16) async throws {
        try await withEcho { port, echo, _ in
            let client = try await RawClient.openWebSocket(port)
            try await client.send(.close(code, "bye"))
            #expect(try await client.readFrame().closeCode == code)
            #expect(try await client.isAtEnd())
            try await echo.probe.wait(for: "closed \(code) bye")
        }
    }

    @Test func `answers an empty close with one, and reports 1005`() async throws {
        try await withEcho { port, echo, _ in
            let client = try await RawClient.openWebSocket(port)
            try await client.send(Frame(code: 8))
            #expect(try await client.readFrame() == Frame(code: 8))
            try await echo.probe.wait(for: "closed 1005 ")
        }
    }

    @Test func `a peer that vanishes is reported once, as 1006`() async throws {
        try await withEcho { port, echo, server in
            let crashed = try await RawClient.openWebSocket(port)
            await crashed.reset()
            try await echo.probe.wait(for: "closed 1006 connection lost")
            let ended = try await RawClient.openWebSocket(port)
            await ended.close()
            await server.stop(grace: .seconds(20))
            let closes = try await echo.probe.wait(for: "two") { $0.filter { $0.hasPrefix("closed") }.count >= 2 }
            #expect(closes.filter { $0.hasPrefix("closed") }.count == 2)
        }
    }

    @Test func `a silent peer is pinged, and given up when it does not answer`() async throws {
        try await withEcho {
            $0.pingInterval = .milliseconds(20)
            $0.pongTimeout = .seconds(1)
        } _: { port, echo, _ in
            let client = try await RawClient.openWebSocket(port)
            for _ in 0..<3 {
                let ping = try await client.readFrame()
                #expect(ping.code == 9)
                try await client.send(Frame(code: 10, payload: ping.payload))
            }
            try await echo.probe.wait(for: "closed 1006 no answer to a ping")
        }
    }

    @Test func `a stop closes sockets with 1001`() async throws {
        try await withEcho { port, echo, server in
            let clients = try await [
                RawClient.openWebSocket(port), RawClient.openWebSocket(port), RawClient.openWebSocket(port),
            ]
            async let stopped: Void = server.stop(grace: .seconds(20))
            for client in clients {
                let frame = try await client.readFrame()
                #expect(frame.closeCode == 1001)
                try await client.send(frame)
                #expect(try await client.isAtEnd())
                await client.close()
            }
            await stopped
            try await echo.probe.wait(for: "all") { $0.filter { $0 == "closed 1001 going away" }.count == 3 }
        }
    }
}
