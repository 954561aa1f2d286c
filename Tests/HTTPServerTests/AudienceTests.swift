import Concurrency
import HTTPServer
import Testing

/// The same frames to many sockets in one step.
@Suite(.timeLimit(.minutes(1))) struct AudienceTests {
    /// The audience that every socket joins when it opens.
    final class Hall: WebSocketHandler {
        let told = Probe<String>()
        let audience: Lock<Audience?>
        let sockets = Lock<[WebSocket]>([])

        init() { audience = Lock(nil) }

        func opened(_ socket: WebSocket) {
            let audience = audience.withLock { audience in
                let held = audience ?? Audience(socket.loop)
                audience = held
                return held
            }
            audience.add(socket, after: FrameMark(high: 0, low: 0))
            sockets.withLock { $0.append(socket) }
            told.note("opened")
        }
        func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {}
        func drained(_ socket: WebSocket) { told.note("room \(socket.id)") }
        func closed(_ socket: WebSocket, code: UInt16, reason: String) {
            audience.withLock { $0 }?.remove(socket)
            told.note("closed")
        }

        /// Runs `body` with the audience, on its loop.
        func with<Value: Sendable>(_ body: @escaping @Sendable (Audience, [WebSocket]) -> Value) async throws -> Value {
            let audience = try #require(audience.withLock { $0 })
            let sockets = sockets.withLock { $0 }
            let promise = Promise<Value>()
            sockets[0].loop.submit { promise.succeed(body(audience, sockets)) }
            return try await promise.value()
        }
    }

    private func withHall(_ count: Int, _ body: ([RawClient], Hall) async throws -> Void) async throws {
        let hall = Hall()
        try await withServer({ $0.loops = 1 }) { router in
            router.webSocket("/ws") { _ in .accept(hall, limits: WebSocketLimits(queuedBytes: 64 << 20, lowMark: 1024))
            }
        } _: { port, _ in
            var clients: [RawClient] = []
            for number in 0..<count {
                clients.append(try await RawClient.openWebSocket(port, receiveBuffer: number == 0 ? 4096 : nil))
                try await hall.told.wait(for: "a socket") { $0.count { $0 == "opened" } == number + 1 }
            }
            try await body(clients, hall)
        }
        hall.sockets.withLock { $0 = [] }
        hall.audience.withLock { $0 = nil }
    }

    private static func mark(_ number: Int) -> FrameMark {
        FrameMark(high: UInt64(number / 10), low: Int64(number % 10))
    }

    @Test func `a frame reaches everyone who has not had it`() async throws {
        try await withHall(3) { clients, hall in
            let sent = try await hall.with { audience, sockets in
                audience.add(sockets[1], after: AudienceTests.mark(12))
                return (9...14)
                    .map {
                        audience.send(WebSocketFrame(text: "\($0)"), mark: AudienceTests.mark($0), limit: 1000).sent
                    }
            }
            #expect(sent == [2, 2, 2, 2, 3, 3])
            for number in 9...14 { #expect(try await clients[0].readFrame() == .text("\(number)")) }
            for number in 13...14 { #expect(try await clients[1].readFrame() == .text("\(number)")) }
            let rest = try await hall.with { audience, sockets in
                audience.remove(sockets[0])
                audience.remove(sockets[0])
                sockets[2].hold(true)
                let one = audience.send(WebSocketFrame(text: "x"), mark: AudienceTests.mark(15), limit: 1000)
                sockets[2].hold(false)
                let two = audience.send(WebSocketFrame(text: "y"), mark: AudienceTests.mark(16), limit: 1000)
                return [one.sent, one.late.count, two.sent, audience.count]
            }
            #expect(rest == [1, 0, 2, 2])
            await clients[1].close()
            try await hall.told.wait(for: "closed")
            #expect(try await hall.with { audience, _ in audience.count } == 1)
        }
    }

    @Test func `who does not keep up is told once, gets nothing more, and the mark says what has left`() async throws {
        try await withHall(2) { clients, hall in
            let first = try await hall.with { audience, sockets in
                audience.send(WebSocketFrame(text: "first"), mark: AudienceTests.mark(1), limit: 0).sent
            }
            #expect(first == 2)
            #expect(try await clients[0].readFrame() == .text("first"))
            // More than the kernel's buffers take, so that it waits.
            let large = WebSocketFrame(binary: [UInt8](repeating: 1, count: 8 << 20))
            _ = try await hall.with { audience, _ in audience.send(large, mark: AudienceTests.mark(2), limit: 0) }
            let (late, again, left) = try await hall.with { audience, sockets in
                let late = audience.send(WebSocketFrame(text: "a"), mark: AudienceTests.mark(3), limit: 0)
                let again = audience.send(WebSocketFrame(text: "b"), mark: AudienceTests.mark(4), limit: 0)
                return (late.late.contains(sockets[0].id), again.late.contains(sockets[0].id), sockets[0].leftMark)
            }
            #expect(late)
            #expect(!again)
            #expect(left == AudienceTests.mark(1))
            // Thrown away is not gone out, although nothing waits any more.
            let dropped = try await hall.with { audience, sockets in
                sockets[0].dropQueued()
                return sockets[0].leftMark
            }
            #expect(dropped == AudienceTests.mark(1))
            #expect(try await clients[0].readFrame().payload.count == 8 << 20)
            try await hall.told.wait(for: "room") { $0.contains { $0.hasPrefix("room") } }
            _ = try await hall.with { audience, sockets in
                sockets[0].hold(false)
                return audience.send(WebSocketFrame(text: "c"), mark: AudienceTests.mark(5), limit: 0)
            }
            #expect(try await clients[0].readFrame() == .text("c"))
        }
    }
}
